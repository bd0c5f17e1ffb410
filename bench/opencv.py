"""What is usually done with OpenCV: find the face, level the eyes, cut 1024 pixels, even the light out, write.

usage: opencv.py ROUNDS IN.jpg OUT.jpg
"""
import os
import sys
import time

import cv2
import numpy as np

CASCADES = "/usr/share/opencv4/haarcascades/"
SIDE = 1024


def prepare(source, target, faces, eyes):
    img = cv2.imread(source)
    grey = cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)
    scale = 640 / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest = int(0.08 * min(small.shape))
    found = faces.detectMultiScale(small, 1.1, 3, minSize=(smallest, smallest))
    if len(found) == 0:
        sys.exit("OpenCV found no face")
    x, y, w, h = max(found, key=lambda f: f[2])
    # Two eyes in the upper half of the box, on either side; else where they usually are in it.
    left, right = (x + 0.30 * w, y + 0.38 * h), (x + 0.70 * w, y + 0.38 * h)
    pair = eyes.detectMultiScale(small[y:y + h // 2 + h // 8, x:x + w], 1.1, 3)
    centres = sorted((x + ex + ew / 2, y + ey + eh / 2) for ex, ey, ew, eh in pair)
    if len(centres) >= 2 and centres[-1][0] - centres[0][0] > 0.25 * w:
        left, right = centres[0], centres[-1]
    left, right = np.array(left) / scale, np.array(right) / scale
    across = right - left
    angle = np.degrees(np.arctan2(across[1], across[0]))
    # The same crop: 2.8 eye distances and a fifth of that on either side.
    factor = SIDE / (2.8 * 1.4) / np.hypot(*across)
    middle = (left + right) / 2
    turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), angle, factor)
    turn[:, 2] += np.array([SIDE / 2, SIDE * (0.5 - 0.074 / 1.4)]) - middle
    crop = cv2.warpAffine(img, turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(crop, cv2.COLOR_BGR2LAB)
    lab[:, :, 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[:, :, 0])
    cv2.imwrite(target, cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])


def main():
    rounds, source, target = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    cv2.setNumThreads(1)
    faces = cv2.CascadeClassifier(os.path.join(CASCADES, "haarcascade_frontalface_default.xml"))
    eyes = cv2.CascadeClassifier(os.path.join(CASCADES, "haarcascade_eye.xml"))
    for _ in range(rounds):
        begun, spent = time.perf_counter(), time.process_time()
        prepare(source, target, faces, eyes)
        if rounds > 1:
            print("%.2f %.2f" % (1e3 * (time.perf_counter() - begun), 1e3 * (time.process_time() - spent)))


main()
