# The production image: cmd/persona and nothing else of this module.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
# The modules first, so that a change of ours does not fetch them again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /persona ./cmd/persona

# Not distroless: bash is what health checks ask the API with.
FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /persona /usr/local/bin/persona
# A number, so that an orchestrator can see that it is not root.
USER 65532:65532
ENV PERSONA_HTTP_ADDR=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["persona"]
CMD ["api"]
