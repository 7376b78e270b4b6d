#!/bin/sh
# 用 shell 和 grpcurl 跟搜图说话；服务自己说明它有哪些方法（gRPC reflection），不用 .proto 文件。
# Speaks to soutu from a shell, by grpcurl (https://github.com/fullstorydev/grpcurl). The service describes itself (gRPC reflection), so
# that no .proto file is needed.
#
#   export SOUTU_ADDRESS=nas.local:8401 SOUTU_AUTHORITY=ca.pem SOUTU_TOKEN=soutu_…
#   sh soutu.sh methods                    # 有哪些服务和方法 · what there is
#   sh soutu.sh search 雪地里的狗
#   sh soutu.sh similar picture.jpg
#   sh soutu.sh status
#
# Without SOUTU_AUTHORITY nothing is encrypted: for a service on this machine alone, which asks for no token.
set -eu

address=${SOUTU_ADDRESS:-127.0.0.1:8401}

call() { # what grpcurl is to do; a request, if there is one, comes by standard input
  if [ -n "${SOUTU_AUTHORITY:-}" ]; then set -- -cacert "$SOUTU_AUTHORITY" "$@"; else set -- -plaintext "$@"; fi
  # The token goes by the environment, which ps does not show.
  if [ -n "${SOUTU_TOKEN:-}" ]; then set -- -expand-headers -H 'authorization: Bearer ${SOUTU_TOKEN}' "$@"; fi
  grpcurl -H "accept-language: ${SOUTU_LANGUAGE:-zh}" -max-time 30 -max-msg-sz 67108864 "$@"
}

quoted() { # words as a JSON string
  printf '"%s"' "$(printf '%s' "$*" | sed 's/[\\"]/\\&/g' | tr '\n\t' '  ')"
}

search() { # a term, as JSON
  printf '{"terms": [%s], "page_size": 10}' "$1" | call -d @ "$address" soutu.search.v1.SearchService/SearchPhotos
}

usage() {
  echo "usage: sh soutu.sh methods | search WORDS… | similar FILE | status" >&2
  exit 2
}

case "${1:-}" in
  methods) for service in $(call "$address" list | grep '^soutu'); do call "$address" list "$service"; done ;;
  search) shift; search "{\"text\": $(quoted "$@")}" ;;
  similar) [ -f "${2:-}" ] || usage; search "{\"image\": \"$(base64 <"$2" | tr -d '\n')\"}" ;; # bytes are base64 in JSON
  status) printf '{}' | call -d @ "$address" soutu.search.v1.LibraryService/GetStatus ;;
  *) usage ;;
esac
