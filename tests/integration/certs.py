"""Certificates of a test's own, made with the openssl command: a root, an intermediate, and what a server may have."""
import functools
import pathlib
import ssl
import subprocess

CONFIG = """\
[ca]
default_ca = here
[here]
dir = {folder}
database = $dir/index
new_certs_dir = $dir/issued
serial = $dir/serial
unique_subject = no
policy = any
default_md = sha256
default_days = 30
copy_extensions = none
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
"""
ROOT = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
SERVER = LEAF + "extendedKeyUsage=serverAuth\n"
CLIENT = LEAF + "extendedKeyUsage=clientAuth\n"
LOCAL = "subjectAltName=DNS:localhost,DNS:web.pelt.test,IP:127.0.0.1\n"


class Authority:
    """What was issued in a folder; from begin() on it can issue more."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def begin(self):
        (self.folder / "issued").mkdir(parents=True)
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "conf").write_text(CONFIG.format(folder=self.folder))

    def path(self, name):
        return self.folder / name

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"openssl {' '.join(map(str, words))}: {done.stderr}"
        return done.stdout

    def key(self, name, kind="ec"):
        path = self.path(f"{name}.key")
        if not path.exists():
            how = {"ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                   "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                   "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]}[kind]
            self._openssl("genpkey", *how, "-out", path)
        return path

    def issue(self, name, subject, extensions, by=None, kind="ec", start=None, end=None, digest="sha256"):
        """NAME.crt with NAME.key, signed by `by` (a name issued before; None: itself). `start`, `end`: YYYYMMDD."""
        key, request, made = self.key(name, kind), self.path(f"{name}.csr"), self.path(f"{name}.crt")
        self._openssl("req", "-new", "-config", self.path("conf"), "-key", key, "-subj", subject, "-out", request)
        self.path(f"{name}.ext").write_text(extensions)
        who = ["-selfsign", "-keyfile", key] if by is None else \
            ["-cert", self.path(f"{by}.crt"), "-keyfile", self.path(f"{by}.key")]
        when = (["-startdate", f"{start}000000Z"] if start else []) + (["-enddate", f"{end}000000Z"] if end else [])
        self._openssl("ca", "-batch", "-notext", "-config", self.path("conf"), *who, *when, "-md", digest,
                      "-extfile", self.path(f"{name}.ext"), "-in", request, "-out", made)
        return made

    def damage(self, name, of):
        """NAME.crt, NAME.key: those of `of` with one bit of the signature changed."""
        der = bytearray(ssl.PEM_cert_to_DER_cert(self.path(f"{of}.crt").read_text()))
        der[-1] ^= 1
        self.path(f"{name}.crt").write_text(ssl.DER_cert_to_PEM_cert(bytes(der)))
        self.path(f"{name}.key").write_bytes(self.path(f"{of}.key").read_bytes())

    def chain(self, name, *names):
        """NAME.pem: these certificates one behind the other."""
        made = self.path(f"{name}.pem")
        made.write_text("".join(self.path(f"{n}.crt").read_text() for n in names))
        return made


def make(folder):
    """Everything the tests of TLS use."""
    a = Authority(folder)
    a.begin()
    a.issue("root", "/O=pelt tests/CN=Test Root", ROOT)
    a.issue("inter", "/O=pelt tests/CN=Test Intermediate", ROOT, by="root")
    a.issue("stranger", "/O=strangers/CN=Strange Root", ROOT)
    a.issue("oldroot", "/O=pelt tests/CN=Expired Root", ROOT, start="20200101", end="20210101")
    a.issue("good", "/CN=web.pelt.test", SERVER + LOCAL, by="root")
    a.issue("rsa", "/CN=web.pelt.test", SERVER + LOCAL, by="root", kind="rsa")
    a.issue("expired", "/CN=web.pelt.test", SERVER + LOCAL, by="root", start="20200101", end="20210101")
    a.issue("early", "/CN=web.pelt.test", SERVER + LOCAL, by="root", start="20480101", end="20490101")
    a.issue("other", "/CN=other.pelt.test", SERVER + "subjectAltName=DNS:other.pelt.test\n", by="root")
    a.issue("selfsigned", "/CN=web.pelt.test", SERVER + LOCAL)
    a.issue("strange", "/CN=web.pelt.test", SERVER + LOCAL, by="stranger")
    a.issue("leaf", "/CN=web.pelt.test", SERVER + LOCAL, by="inter")
    a.issue("weak", "/CN=web.pelt.test", SERVER + LOCAL, by="root", digest="sha1")
    a.issue("short", "/CN=web.pelt.test", SERVER + LOCAL, by="root", kind="rsa1024")
    a.issue("cnonly", "/CN=web.pelt.test", SERVER, by="root")
    a.issue("nameonly", "/CN=web.pelt.test", SERVER + "subjectAltName=DNS:web.pelt.test\n", by="root")
    a.issue("wildcard", "/CN=wildcard", SERVER + "subjectAltName=DNS:*.pelt.test\n", by="root")
    a.issue("purpose", "/CN=web.pelt.test", CLIENT + LOCAL, by="root")
    a.issue("ofold", "/CN=web.pelt.test", SERVER + LOCAL, by="oldroot")
    a.issue("noca", "/CN=no authority", LEAF, by="root")
    a.issue("ofnoca", "/CN=web.pelt.test", SERVER + LOCAL, by="noca")
    a.damage("damaged", "good")
    a.issue("strangercritical", "/CN=web.pelt.test", SERVER + LOCAL + "1.2.3.4=critical,DER:0500\n", by="root")
    a.issue("narrow", "/O=pelt tests/CN=Narrow Intermediate",
            ROOT + "nameConstraints=critical,permitted;DNS:elsewhere.test\n", by="root")
    a.issue("ofnarrow", "/CN=web.pelt.test", SERVER + "subjectAltName=DNS:web.pelt.test\n", by="narrow")
    a.issue("client", "/CN=a client", CLIENT, by="root")
    a.issue("foreign", "/CN=a foreign client", CLIENT, by="stranger")
    a.chain("ordered", "leaf", "inter")
    a.chain("jumbled", "leaf", "root", "inter")
    a.chain("ofnarrow", "ofnarrow", "narrow")
    a.chain("ofnoca", "ofnoca", "noca")


made_once = None  # conftest.py's, of this run of pytest


@functools.lru_cache(maxsize=1)
def shared():
    """One set for all: no test changes it."""
    return Authority(made_once("certificates", make))
