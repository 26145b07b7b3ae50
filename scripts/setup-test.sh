#!/bin/sh
# Installs what the tests use besides Rust, Node and Python: a browser, a database server, the proxies of the
# hop doctor, Prometheus with its Alertmanager, a Java for Spark, the fonts of the page's pictures, and the SIP programs
# SIPp and Kamailio.
set -eu
cd "$(dirname "$0")/.."

missing=""
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null | head -n 1)" ] || missing="$missing postgresql"
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSansCondensed.ttf ] || missing="$missing fonts-dejavu-core fonts-dejavu-extra"
command -v sipp >/dev/null || missing="$missing sip-tester"
command -v java >/dev/null || missing="$missing default-jre-headless"
services=""
for program in nginx:nginx haproxy:haproxy apache2:apache2 caddy:caddy varnish:varnishd prometheus:promtool prometheus-alertmanager:prometheus-alertmanager; do
  [ -n "$(PATH="$PATH:/usr/sbin" command -v "${program#*:}")" ] || services="$services ${program%:*}"
done
if [ -n "$(PATH="$PATH:/usr/sbin" command -v kamailio)" ]; then
  [ -n "$(find /usr/lib*/ -path '*kamailio/modules/tls.so' 2>/dev/null | head -n 1)" ] || missing="$missing kamailio-tls-modules"
else
  services="$services kamailio"
  missing="$missing kamailio-tls-modules"
fi
if [ -n "$missing$services" ]; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo apt-get update -q
  # The tests start these programs themselves: while this runs no package may start a service, and none stays enabled.
  policy=/usr/sbin/policy-rc.d
  if [ -n "$services" ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
    trap '$sudo rm -f "$policy"' EXIT
  fi
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing $services
  for service in $services; do
    $sudo update-rc.d "$service" disable >/dev/null 2>&1 || true
    [ ! -d /run/systemd/system ] || $sudo systemctl disable --now "$service" >/dev/null 2>&1 || true
  done
fi
scripts/install-locked.sh web libs/node libs/python examples/genesys-python examples/browser-softphone crates/store-lake/tests/engines crates/store-lake/tests/bucket crates/cli/tests/flight
scripts/setup-examples.sh
[ ! -x scripts/setup-clients.sh ] || scripts/setup-clients.sh
