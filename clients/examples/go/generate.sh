#!/bin/sh
# 由 protos 生成 Go 代码，放进 searchv1 · generate the Go code of the protos, into searchv1
# Debian: apt install protobuf-compiler protoc-gen-go protoc-gen-go-grpc
set -eu
cd "$(dirname "$0")"
protos=../../../protos
map() { for each in photo search_service photo_service; do printf -- '--%s_opt=Msoutu/search/v1/%s.proto=soutu.example/searchv1 ' "$1" "$each"; done; }
mkdir -p searchv1
# shellcheck disable=SC2046 # words are meant
protoc --proto_path "$protos" --go_out=. --go_opt=module=soutu.example $(map go) \
  --go-grpc_out=. --go-grpc_opt=module=soutu.example $(map go-grpc) \
  "$protos"/soutu/search/v1/photo.proto "$protos"/soutu/search/v1/search_service.proto "$protos"/soutu/search/v1/photo_service.proto
