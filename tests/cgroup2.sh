#!/usr/bin/env bash
# Runs tests of the boxes on cgroup v2, whatever this machine has: in an emulated one, made of Debian packages, with this
# tree and the images of this machine's engine in it. Needs Debian 12 with its own docker.io, root, an ordinary mirror and
# `make setup-test`; no KVM. Making that machine takes 5 minutes and 7 GB, once for each set of images; everything in it
# takes some twenty times as long as here, so tests that measure seconds fail there. Exit: 0 all held.
#
#   bash tests/cgroup2.sh                                    every outcome, and hostile programs of these kinds
#   bash tests/cgroup2.sh tests/sandbox/test_outcomes.py     pytest's own arguments
#   FRESH=1 bash tests/cgroup2.sh                            make the machine anew, with what this .venv holds now
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
PLACE="${PLACE:-${VIBE_VAR:-var}/cgroup2}"
PACKAGES=systemd,systemd-sysv,udev,kmod,linux-image-cloud-amd64,docker.io,apparmor,iptables,python3,ca-certificates,procps
say() { echo "· $*" >&2; }

[ $# -gt 0 ] || set -- tests/sandbox/test_outcomes.py tests/hostile \
  -k "not hostile or (exec and (kernel or escape or resources or processes or protocol))"
mkdir -p "$PLACE"
PLACE="$(realpath "$PLACE")"
IMAGES="$(.venv/bin/python -c 'from sandbox.catalog import names, tag; print(*map(tag, names()))')"

if [ -n "${FRESH:-}" ] || [ "$(cat "$PLACE/made" 2>/dev/null)" != "$IMAGES" ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends qemu-system-x86 debootstrap e2fsprogs >/dev/null
  rm -rf "$PLACE/root" "$PLACE/made" "$PLACE/disk"
  MIRROR="${MIRROR:-$(.venv/bin/python -c 'from sandbox.build import _mirrors; print(_mirrors()[0])')}"
  say "Debian from $MIRROR"
  debootstrap --variant=minbase --include="$PACKAGES" bookworm "$PLACE/root" "$MIRROR" >"$PLACE/debootstrap.log"

  say "The images of the boxes"
  # Loaded here, by an engine of its own: in the emulated machine it would take an hour. In a network namespace, since one
  # without a bridge removes docker0, whose ever it is (as in tests/sandbox/elsewhere.py).
  socket="unix://$PLACE/docker.sock"
  unshare --net dockerd --data-root "$PLACE/root/var/lib/docker" --exec-root "$PLACE/exec" --pidfile "$PLACE/pid" \
    -H "$socket" --storage-driver overlay2 --bridge=none --iptables=false --ip-forward=false >"$PLACE/dockerd.log" 2>&1 &
  engine=$!
  trap 'kill "$engine" 2>/dev/null || true' EXIT
  timeout 60 sh -c "until docker -H $socket version >/dev/null 2>&1; do sleep 0.2; done"
  # shellcheck disable=SC2086
  docker save $IMAGES | docker -H "$socket" load >/dev/null
  kill "$engine" && wait "$engine" || true
  rm -rf "$PLACE/exec"
  trap - EXIT

  say "Its disk"
  mkdir -p "$PLACE/root/opt/python" "$PLACE/root/opt/site"
  python="$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')"
  # Debian's own is there already.
  [ "$python" = /usr ] || tar -C "$python" --exclude=site-packages --exclude=test -cf - bin lib | tar -C "$PLACE/root/opt/python" -xf -
  tar -C .venv/lib/python3.*/site-packages --exclude=playwright/driver -cf - . | tar -C "$PLACE/root/opt/site" -xf -
  cat >"$PLACE/root/etc/systemd/system/vibe.service" <<'UNIT'
[Unit]
After=docker.service
Requires=docker.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir -p /vibe && tar -xf /dev/vdb -C /vibe && cd /vibe && exec sh ./there.sh >/dev/ttyS1 2>&1'
[Install]
WantedBy=multi-user.target
UNIT
  chroot "$PLACE/root" systemctl enable vibe.service docker.service 2>/dev/null
  mke2fs -q -t ext4 -d "$PLACE/root" "$PLACE/disk" 10G
  cp "$PLACE"/root/boot/vmlinuz-* "$PLACE/kernel"
  cp "$PLACE"/root/boot/initrd.img-* "$PLACE/initrd"
  rm -rf "$PLACE/root"
  echo "$IMAGES" >"$PLACE/made"
fi

# The tree as it is here, and what is to be done with it.
{
  echo 'export TESTS_PACE=20 PYTHONPATH=/vibe:/opt/site HOME=/root LD_LIBRARY_PATH=/opt/python/lib PATH=/opt/python/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  echo 'uname -sr; docker info -f "Docker {{.ServerVersion}}, cgroup v{{.CgroupVersion}}, driver {{.CgroupDriver}}, {{.SecurityOptions}}"'
  echo "echo \"print('hello from', open('/proc/self/cgroup').read().strip())\" >hello.py; python3 -m sandbox run --time-s 300 hello.py"
  echo "python3 -m pytest -p tests.pace -n0 --color=no -p no:randomly -p no:cacheprovider -v --durations=0 $(printf '%q ' "$@")"
  echo 'echo "exit $?"; exec systemctl poweroff --force --force'
} >"$PLACE/there.sh"
git ls-files --cached --others --exclude-standard | tar --ignore-failed-read -cf "$PLACE/tree" -T - -C "$PLACE" there.sh

say "Starting it (what it says is kept in $PLACE/said)"
: >"$PLACE/said"
tail -f --pid=$$ "$PLACE/said" &
# snapshot: the disk stays as it was made. The monitor takes `stop` and `cont`, for when this machine has better to do.
nice -n 19 qemu-system-x86_64 -accel tcg,tb-size=1024 -cpu max -M q35 -m 5000 -smp 1 -display none -no-reboot -net none \
  -monitor "unix:$PLACE/monitor,server=on,wait=off" -kernel "$PLACE/kernel" -initrd "$PLACE/initrd" \
  -append "root=/dev/vda rw console=ttyS0 loglevel=1 panic=1 mitigations=off" \
  -drive "file=$PLACE/disk,if=virtio,format=raw,cache=unsafe,snapshot=on" -drive "file=$PLACE/tree,if=virtio,format=raw,readonly=on" \
  -serial "file:$PLACE/console" -serial "file:$PLACE/said"
grep -q '^exit 0' "$PLACE/said"
