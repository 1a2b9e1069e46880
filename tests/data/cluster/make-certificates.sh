#!/bin/sh
# Makes the test PKI in this folder anew: tests/data/cluster/make-certificates.sh
#
# Everything is valid from 2020 to 2120, so that no test depends on the day it runs on. `openssl ca` is the one
# command of OpenSSL 3.0 that sets both dates. The keys are P-256: a handshake costs little.
#
#   ca            signs what follows, as kubeadm's CA does
#   server        the API server: 127.0.0.1, ::1, localhost, kubernetes.default.svc
#   elsewhere     a server of another name (not this host)
#   expired       a server's certificate of the year 2020
#   client        user cert-user of the groups developers and staff
#   bare-ca       an authority with basic constraints and nothing else (no key usage, no key identifiers)
#   bare-server   signed by bare-ca
#   leaf          self-signed, no authority: a server that is its own trust anchor
#   stranger-ca, stranger-client    a user that another cluster knows
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/openssl.cnf" <<CNF
[ca]
default_ca = here
[here]
database = $work/index
rand_serial = yes
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = nothing
[nothing]
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyEncipherment, keyCertSign
subjectKeyIdentifier = hash
[v3_bare_ca]
basicConstraints = CA:TRUE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[v3_server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost, DNS:kubernetes.default.svc
[v3_elsewhere]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:elsewhere.example
[v3_bare_server]
subjectKeyIdentifier = none
authorityKeyIdentifier = none
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
[v3_leaf]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
[v3_client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
CNF
: > "$work/index"

# certificate NAME SIGNER EXTENSIONS SUBJECT [END]: SIGNER "self" signs itself
certificate() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
  openssl req -new -config "$work/openssl.cnf" -key "$1.key" -subj "$4" -multivalue-rdn -out "$work/request"
  if [ "$2" = self ]; then
    signer="-selfsign -keyfile $1.key"
  else
    signer="-cert $2.crt -keyfile $2.key"
  fi
  # shellcheck disable=SC2086
  openssl ca -batch -notext -config "$work/openssl.cnf" $signer -preserveDN -extensions "$3" \
    -startdate 20200101000000Z -enddate "${5:-21200101000000Z}" -in "$work/request" -out "$1.crt" 2> "$work/log" ||
    { cat "$work/log" >&2; exit 1; }
}

certificate ca self v3_ca "/CN=stand-in-ca"
certificate server ca v3_server "/CN=kube-apiserver"
certificate elsewhere ca v3_elsewhere "/CN=elsewhere.example"
certificate expired ca v3_server "/CN=kube-apiserver" 20201231000000Z
certificate client ca v3_client "/O=developers/O=staff/CN=cert-user"
certificate bare-ca self v3_bare_ca "/CN=bare-ca"
certificate bare-server bare-ca v3_bare_server "/CN=bare-server"
certificate leaf self v3_leaf "/CN=leaf"
certificate stranger-ca self v3_ca "/CN=stranger-ca"
certificate stranger-client stranger-ca v3_client "/CN=stranger"
chmod 644 ./*.crt
chmod 600 ./*.key
