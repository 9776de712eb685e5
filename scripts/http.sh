# One HTTP request with bash alone, so that a fresh machine needs no curl.
# shellcheck shell=bash disable=SC2016,SC2034  # the inner bash expands; the caller reads the result

# http_get PORT PATH : sets HTTP_STATUS (000 without an answer) and HTTP_BODY.
http_get() {
    local answer=''
    HTTP_STATUS=000 HTTP_BODY=''
    answer=$(timeout 3 bash -c '
        exec 7<>"/dev/tcp/127.0.0.1/$0"
        printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n" "$1" "$0" >&7
        cat <&7' "$1" "$2" 2>/dev/null) || true
    if [[ $answer =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]]; then
        HTTP_STATUS=${BASH_REMATCH[1]}
        HTTP_BODY=${answer#*$'\r\n\r\n'}
    fi
}
