#!/bin/sh
# Writes nginx's configuration from the two addresses of the product, then becomes nginx.
# `start.sh reload` does the same for a running one: after a new certificate.
set -eu
host() { printf %s "$1" | sed -E 's#^https://##; s#:[0-9]+$##'; }
port() { printf %s "$1" | sed -nE 's#^.*(:[0-9]+)$#\1#p'; }

app=$(host "$VIBE_ORIGIN")
cards=$(host "$VIBE_CONTENT_ORIGIN" | sed 's/^{card}\.//')
for name in "$app" "$cards"; do
  case "$name" in *[!A-Za-z0-9.-]* | "") echo "{\"level\":\"error\",\"message\":\"VIBE_SITE and VIBE_CARDS must be names of hosts\"}" >&2; exit 1 ;; esac
done
tls=/run/tls/cards
[ -r "$tls.crt" ] || tls=/run/tls/app # one certificate may name both
case "$app" in *.localhost) hsts="" ;; *) hsts="max-age=31536000" ;; esac

sed -e "s#@APP@#$app#g" -e "s#@CARDS@#$cards#g" -e "s#@PORT@#$(port "$VIBE_ORIGIN")#g" \
  -e "s#@CARDS_TLS@#$tls#g" -e "s#@HSTS@#$hsts#g" /opt/proxy/nginx.conf >/tmp/nginx.conf
if [ "${1:-}" = reload ]; then
  nginx -q -t -c /tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -s reload
fi
exec nginx -c /tmp/nginx.conf -g 'daemon off;'
