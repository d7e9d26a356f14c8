#!/bin/sh
# Makes the environment of requirements/dev.txt in .venvs/ and lets the link .venv lead to it; run it from the root of the
# project. The environment before stays as it is until the new one is whole: a build that fails changes nothing, and a
# service that runs from .venvs/ keeps its files. What a link .venv of yours leads to is never written to.
#
# The interpreter: uv where it is; else a Python 3.13 on the PATH; else uv by pip from any Python from 3.9 on.
# POSIX sh, for macOS and Debian alike.
set -u

requirements=requirements/dev.txt
environments=.venvs
new="$environments/$(date +%Y%m%d%H%M%S)-$$"
log="$new.log"
own_uv="$new.uv"
uv=
cause="There is no Python from 3.9 on here"
previous=
made=

unset PYTHONPATH PYTHONHOME
PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES="${PIP_RETRIES:-2}"
export PIP_USER PIP_DISABLE_PIP_VERSION_CHECK PIP_RETRIES

main() {
  sum="$(cksum <"$requirements")" || exit 1
  if up_to_date; then exit 0; fi
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  mkdir -p "$environments" || exit 1
  if [ -t 2 ]; then echo "Installing $requirements; the first time takes a minute or two" >&2; fi
  interpreter || fail "$cause: $(what_to_install)."
  packages || fail "$requirements cannot be installed, and nothing was changed: $(last_words)"
  printf '%s\n' "$sum" >"$new/.made" || exit 1
  previous="$environments/$(basename "$(cd -P .venv 2>/dev/null && pwd)")"
  swap || fail ".venv cannot be replaced: $(last_words)"
  made=yes
  remove_unused
}

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

what_to_install() {
  printf '%s' 'install Python 3.13 (Debian 13, Ubuntu 25.04 and later: "sudo apt install python3.13-venv"; Debian 12, Ubuntu 24.04: ' \
    '"sudo apt install python3-venv", with access to pypi.org and github.com; Fedora: "sudo dnf install python3.13"; macOS: ' \
    '"brew install python@3.13") or uv (https://docs.astral.sh/uv/getting-started/installation/), and run make again'
}

# Git dates a file anew without changing it.
up_to_date() {
  [ "$(cat .venv/.made 2>/dev/null)" = "$sum" ] && .venv/bin/python -c '' 2>/dev/null || return
  touch .venv/.made 2>/dev/null || true
}

interpreter() {
  if uv --version >/dev/null 2>&1; then
    with_uv uv && return
  fi
  for python in python3.13 python3 python; do
    if is_version "$python" '== (3, 13)' && quietly "$python" -m venv "$new"; then return; fi
    rm -rf "$new"
  done
  for python in python3 python python3.14 python3.12 python3.11 python3.10 python3.9; do
    is_version "$python" '>= (3, 9)' || continue
    cause="There is no Python 3.13 with venv, and $python has no venv to fetch it with"
    if quietly "$python" -m venv "$own_uv"; then
      cause="Python 3.13 is not here, and uv, which would fetch it, cannot be downloaded"
      pip_uv || return
      cause="Python 3.13 is not here and cannot be downloaded"
      with_uv "$own_uv/bin/uv"
      return
    fi
    rm -rf "$own_uv"
  done
  return 1
}

is_version() {
  "$1" -c "import sys; sys.exit(not sys.version_info[:2] $2)" >/dev/null 2>&1
}

with_uv() {
  uv="$1"
  if quietly "$uv" venv --python 3.13 "$new"; then return; fi
  uv=
  rm -rf "$new"
  return 1
}

# The uv that the requirements pin, by their hashes.
pip_uv() {
  awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' "$requirements" >"$own_uv/uv.txt"
  quietly "$own_uv/bin/python" -m pip install --require-hashes -r "$own_uv/uv.txt"
}

# Where uv does not know the index that pip is configured with, pip does.
packages() {
  if [ -n "$uv" ]; then
    quietly "$uv" pip sync --require-hashes --python "$new/bin/python" "$requirements" && return
    quietly "$new/bin/python" -m ensurepip || return
  fi
  quietly "$new/bin/python" -m pip install --require-hashes -r "$requirements"
}

quietly() {
  "$@" >>"$log" 2>&1
}

last_words() {
  grep . "$log" | tail -n 1 | cut -c 1-400
}

# A link takes the place of another in one step; only a directory has to be out of its way first.
swap() {
  quietly "$new/bin/python" -c '
import os, sys
new, before = sys.argv[1:]
if os.path.isdir(".venv") and not os.path.islink(".venv"):
    os.rename(".venv", before)
link = new + ".link"
os.symlink(new, link)
os.replace(link, ".venv")
' "$new" "$new.before"
}

# All but the new one, the one before it, and those that a process runs from or that are still being made.
remove_unused() {
  processes="$(ps -A -ww -o args= 2>/dev/null)" || return 0
  for each in "$environments"/*; do
    builder="${each##*-}"
    case "$each" in
      "$new"* | "$previous") continue ;;
    esac
    if [ ! -e "$each/.made" ] && kill -0 "${builder%%.*}" 2>/dev/null; then continue; fi
    case "$processes" in
      *"/$each/"*) continue ;;
    esac
    rm -rf "$each"
  done
}

clean_up() {
  rm -rf "$own_uv" "$log" "$new.link"
  if [ -z "$made" ]; then
    rm -rf "$new"
    rmdir "$environments" 2>/dev/null
  fi
}

main
