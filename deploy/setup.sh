#!/bin/sh
# Make .venv at the root: `deploy/setup.sh run` for what `make run` needs, `deploy/setup.sh test` for what the tests need on top,
# `deploy/setup.sh fuzz` for what fuzzing needs, `deploy/setup.sh bench` for what benchmarks draw with, `deploy/setup.sh rivals` for what soutu is
# compared with.
# PYTHON=python3.12 chooses the Python. What pip says goes to .venv/setup.log.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1"; }
fail() { printf '%s\n' "$1" >&2; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if fits "$candidate"; then command -v "$candidate"; return; fi
  done
  fail "找不到 Python 3.11–3.13。请先安装（例如 apt install python3 python3-venv），或用 make PYTHON=路径 指定。 / Python 3.11 to 3.13 was not found. Install it (for instance: apt install python3 python3-venv), or name it with make PYTHON=PATH."
}

pip_install() { # what, arguments of pip
  what=$1; shift
  say "$what"
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
      --constraint deploy/constraints.txt "$@" >>.venv/setup.log 2>&1; then
    reason=$(grep -E '^ *(ERROR|error):' .venv/setup.log | tail -n 1 || true)
    fail "安装失败：${reason:-没有更多信息}（检查网络和磁盘空间后再试一次；详情：.venv/setup.log） / The installation failed: ${reason:-nothing more is known} (check the network and the disk space, then try again; details: .venv/setup.log)"
  fi
}

find_browser() {
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

install_browser() { # for the tests of the page; without one they are skipped, and say so
  if find_browser; then return; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "正在安装 Chromium（网页的测试要用）…… / Installing Chromium, for the tests of the page …"
    { apt-get update && apt-get install -y --no-install-recommends chromium; } >>.venv/setup.log 2>&1 || true
  fi
  find_browser || say "没有 Chromium，网页的浏览器测试会跳过（Debian：apt install chromium）。 / There is no Chromium: the tests of the page are skipped (Debian: apt install chromium)."
}

install_programs() { # for the tests of the completion scripts and of several hosts; without one, those are skipped, and say so
  for each in zsh:zsh fish:fish ip:iproute2; do
    package=${each#*:}
    if command -v "${each%:*}" >/dev/null 2>&1; then continue; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
      say "正在安装 $package（测试要用）…… / Installing $package, for the tests …"
      { apt-get update && apt-get install -y --no-install-recommends "$package"; } >>.venv/setup.log 2>&1 || true
    fi
    command -v "${each%:*}" >/dev/null 2>&1 || say "没有 $package，用到它的测试会跳过（Debian：apt install $package）。 / There is no $package: tests that need it are skipped (Debian: apt install $package)."
  done
}

install_node_example() { # for the test of the example in JavaScript; without npm it is skipped, and says so
  if ! command -v npm >/dev/null 2>&1; then
    say "没有 npm，JavaScript 例子的测试会跳过（Debian：apt install npm）。 / There is no npm: the test of the JavaScript example is skipped (Debian: apt install npm)."
    return
  fi
  (cd clients/examples/node && npm ci) >>.venv/setup.log 2>&1 ||
    fail "JavaScript 例子的依赖安装失败，详情：.venv/setup.log / what the JavaScript example needs could not be installed; details: .venv/setup.log"
}

if ! [ -x .venv/bin/python ] || ! fits .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  python=$(find_python) || exit 1
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "这个 Python 缺少 venv 模块。请安装它（Debian/Ubuntu：apt install python3-venv）。 / This Python has no venv module. Install it (Debian, Ubuntu: apt install python3-venv)."
  say "正在建立 .venv（$("$python" --version)）…… / Making .venv …"
  rm -rf .venv
  "$python" -m venv .venv || fail "无法建立 .venv，请检查磁盘空间和权限。 / .venv cannot be made: check the disk space and the permissions."
fi
: >.venv/setup.log

case "${1:-run}" in
  run)
    pip_install "正在安装搜图（约 200 MB，一两分钟）…… / Installing soutu (about 200 MB, a minute or two) …" \
      ./protos --editable ./services --editable './clients[cli,web]'
    touch .venv/ready-to-run
    ;;
  test)
    pip_install "正在安装测试工具…… / Installing the tools of the tests …" --requirement deploy/test-requirements.txt \
      ./protos --editable './clients[pi]'
    say "正在安装 torch 和 cn_clip（测试要和真的 Chinese-CLIP 对照，几分钟）…… / Installing torch and cn_clip (the tests compare with the real Chinese-CLIP; minutes) …"
    PIP_CONSTRAINT=deploy/constraints.txt .venv/bin/soutu-embedding install-clip >>.venv/setup.log 2>&1 ||
      fail "torch 或 cn_clip 安装失败，详情：.venv/setup.log / torch or cn_clip could not be installed; details: .venv/setup.log"
    pip_install "正在安装 peft（微调的测试要用）…… / Installing peft, for the tests of fine-tuning …" --editable './services[tune]'
    install_browser
    install_programs
    install_node_example
    touch .venv/ready-to-test
    ;;
  fuzz)
    pip_install "正在安装 atheris…… / Installing atheris …" --requirement deploy/fuzz-requirements.txt
    touch .venv/ready-to-fuzz
    ;;
  bench)
    pip_install "正在安装画图用的库…… / Installing what plots are drawn with …" --requirement deploy/bench-requirements.txt
    touch .venv/ready-to-bench
    ;;
  rivals)
    pip_install "正在安装用来比较的索引库…… / Installing the indexes to compare with …" --requirement deploy/rivals-requirements.txt
    touch .venv/ready-to-compare
    ;;
  *) fail "usage: deploy/setup.sh run|test|fuzz|bench|rivals" ;;
esac
