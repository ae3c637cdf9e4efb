#!/bin/sh
# The browser of the journeys: the one installed, else Debian's (as root), else Playwright's own.
set -eu
python=$1

if [ -x /usr/bin/chromium ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium and a Korean font for the browser tests (once)"
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } >/dev/null; then
        # Ubuntu's package of this name is a stub that needs snap: believe it only when it starts.
        if [ -x /usr/bin/chromium ] && /usr/bin/chromium --version >/dev/null 2>&1; then
            exit 0
        fi
    fi
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    exec "$python" -m playwright install --with-deps chromium
fi
exec "$python" -m playwright install chromium
