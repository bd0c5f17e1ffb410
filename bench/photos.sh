#!/usr/bin/env bash
# Judging and cutting one 12-megapixel JPEG on one core, beside libjpeg-turbo's decoder and an OpenCV program.
#   bench/photos.sh [ROUNDS [PHOTO.jpg]]
# Without a photo one is drawn. What is compared: djpeg decodes the file to nowhere, as a process. "persona: judge and
# crop" is everything that is judged and the 1024-pixel crop, in a process that runs already; its other line adds the
# start, reading the file, encoding and writing the crop. The OpenCV program reads, detects with a Haar cascade on a
# 640-pixel copy, turns, evens the light out and writes; its other line adds the start of Python.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=0
need() { # what, how to get it, the check
	local what=$1 how=$2
	shift 2
	if ! "$@" >/dev/null 2>&1; then
		echo "$what is missing: $how" >&2
		missing=1
	fi
}
need Go "https://go.dev/dl" go version
need djpeg "apt install libjpeg-turbo-progs" command -v djpeg
need taskset "apt install util-linux" command -v taskset
need "OpenCV for Python" "apt install python3-opencv" /usr/bin/python3 -c "import cv2"
need "OpenCV's cascades" "apt install opencv-data" test -f /usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml
[ "$missing" = 0 ] || exit 1

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/photo" ./bench/photo
photo=${2:-$dir/photo.jpg}
[ -n "${2:-}" ] || "$dir/photo" draw "$photo"

core=$(taskset -cp $$ | sed 's/.*[:,-] *//')
GOMAXPROCS=1 OMP_NUM_THREADS=1 taskset -c "$core" "$dir/photo" compare "${1:-7}" "$photo" bench/opencv.py
