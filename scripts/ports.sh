# Where each part listens. The gateway's port follows KONSTRUCT_BIND, the others the checkout's offset.
# shellcheck shell=bash

port_of() {
    case $1 in
    postgres) port 54320 ;;
    redis) port 63790 ;;
    gateway) echo "${KONSTRUCT_BIND##*:}" ;;
    orchestrator) port 9091 ;;
    worker) port 9092 ;;
    simulators) port 9100 ;;
    esac
}
