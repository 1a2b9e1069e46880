#!/bin/sh
# Makes the authorities and certificates of tests/test_tls.py; run in this folder, needs openssl 3. They are valid
# for a hundred years, but for the expired one. The keys protect nothing but tests.
set -eu

KIND='-algorithm EC -pkeyopt ec_paramgen_curve:P-256'
key() { openssl genpkey -quiet $KIND -out "$1.key"; }

# authority NAME EXTENSIONS: a self-signed certificate with exactly these extensions.
authority() {
    key "$1"
    printf '[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=%s\n[x]\n%b' "$1" "$2" > config
    openssl req -new -x509 -config config -extensions x -key "$1.key" -days 36500 -out "$1.pem"
}

# signed NAME AUTHORITY EXTENSIONS [CN]
signed() {
    key "$1"
    openssl req -new -key "$1.key" -subj "/CN=${4:-$1}" -out request
    printf '%b' "$3" > config
    openssl x509 -req -in request -CA "$2.pem" -CAkey "$2.key" -days 36500 -extfile config -out "$1.pem" 2> /dev/null
}

NAMES='subjectAltName=DNS:localhost,DNS:api.example.com,DNS:*.wild.example.com,IP:127.0.0.1,IP:::1\n'
LEAF="basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n$NAMES"

authority ca 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
authority other-ca 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
authority bare-ca 'basicConstraints=CA:TRUE\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n'
authority usageless-ca 'subjectKeyIdentifier=hash\n'
authority self-signed "$NAMES"

signed server ca "$LEAF"
signed bare-server bare-ca "$NAMES"
signed usageless-server usageless-ca "$NAMES"
signed other-name ca 'subjectAltName=DNS:other.example.com\n'
signed ip-only ca 'subjectAltName=IP:127.0.0.1\n'
signed name-only ca 'subjectAltName=DNS:localhost\n'
signed cn-only ca 'extendedKeyUsage=serverAuth\n' localhost
signed ip-as-name ca 'subjectAltName=DNS:127.0.0.1\n'
signed client-only ca "extendedKeyUsage=clientAuth\n$NAMES"
signed client ca 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n'

signed intermediate ca 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
signed deep-server intermediate "$LEAF"
cat deep-server.pem intermediate.pem > deep-chain.pem

key expired
openssl req -new -key expired.key -subj /CN=expired -out request
printf '%b' "$LEAF" > config
: > database
echo 01 > serial
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=database\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > ca-config
openssl ca -batch -config ca-config -cert ca.pem -keyfile ca.key -in request -extfile config -notext \
    -startdate 20200101000000Z -enddate 20200201000000Z -out expired.pem 2> /dev/null

KIND='-algorithm RSA -pkeyopt rsa_keygen_bits:1024'
authority weak-ca 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
signed weak-server weak-ca "$LEAF"

openssl pkcs8 -topk8 -in client.key -passout pass:secret -out client-encrypted.key
openssl ec -in client.key -aes256 -passout pass:secret -out client-encrypted-old.key 2> /dev/null

rm -f config ca-config request database* serial* 01.pem ./*.srl
rm -f ca.key other-ca.key bare-ca.key usageless-ca.key intermediate.key weak-ca.key
