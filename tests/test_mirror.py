"""The archive is fetched once, whole or not at all, and within its time, whatever a server does."""

import gzip
import socket
import threading
import time

import pytest
from conftest import files_below, write_zip

from eurosat_inpaint.data import NoNetworkError, archives, cache_folder, load_tiles
from eurosat_inpaint.data import mirror as mirror_module

FIRST, SECOND = "127.0.0.1", "localhost"


def kept_files():
    return [path.name for path in files_below(cache_folder())]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_the_archive_is_fetched_once_and_kept(mirror, jpegs, capsys):
    tiles = load_tiles("all", source="mirror")
    assert tiles.source == "mirror" and sorted(tiles.filenames) == sorted(jpegs)
    assert (cache_folder() / "EuroSAT.zip").read_bytes() == mirror.file.read_bytes()
    assert load_tiles("train").source == "mirror"
    assert mirror.asked == [(FIRST, "bytes=0-")]
    said = capsys.readouterr()
    assert "Fetching EuroSAT" in said.out
    assert str(cache_folder()) not in said.out + said.err


def test_a_kept_archive_needs_no_network(mirror, monkeypatch):
    load_tiles("all", source="mirror")
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, "1")
    assert load_tiles("all").source == "mirror"
    assert mirror.downloads == 1


@pytest.mark.parametrize(
    ("value", "asked"), [("1", 0), ("yes", 0), ("", 1), ("0", 1), ("false", 1)]
)
def test_the_offline_switch(mirror, monkeypatch, value, asked):
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, value)
    if asked:
        load_tiles(source="mirror")
    else:
        with pytest.raises(NoNetworkError, match=mirror_module.OFFLINE_VARIABLE):
            load_tiles(source="mirror")
    assert mirror.downloads == asked


def test_an_offline_switch_that_is_neither_on_nor_off(mirror, monkeypatch):
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, "perhaps")
    with pytest.raises(ValueError, match=f"{mirror_module.OFFLINE_VARIABLE} must be 1 or 0"):
        load_tiles(source="mirror")


def test_that_there_is_no_network_is_found_out_once(mirror, monkeypatch, capsys):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    monkeypatch.setattr(mirror_module, "ADDRESSES", ("http://127.0.0.1:9/EuroSAT.zip",))
    for _ in range(2):
        with pytest.raises(NoNetworkError, match=r"127\.0\.0\.1 \(cannot be reached\)"):
            load_tiles(source="mirror")
    assert capsys.readouterr().out.count("Fetching") == 1
    assert load_tiles("train").source == "synthetic"
    assert (
        "by hand it can be fetched from http://127.0.0.1:9/EuroSAT.zip" in capsys.readouterr().out
    )


def test_where_nothing_answers_it_is_given_up_within_fifteen_seconds():
    addresses = len(mirror_module.ADDRESSES)
    assert addresses * mirror_module._ANSWER_WITHIN_SECONDS <= 15


def test_two_that_fetch_at_the_same_time_fetch_once(mirror):
    mirror.faults[FIRST] = [lambda handler: handler.give(pause=0.01)]
    found = []
    others = [
        threading.Thread(target=lambda: found.append(load_tiles("all", source="mirror")))
        for _ in range(2)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(found) == 2 and mirror.downloads == 1


# What servers and networks do. Where the second address is not named it is a healthy one.


def status(code):
    def answer(handler):
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def redirect(where):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", where)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def give(**how):
    return lambda handler: handler.give(**how)


def give_changed(change, **how):
    return lambda handler: handler.give(change(handler.server.file.read_bytes()), **how)


def half(handler):
    """The first half of what was asked for, then the connection is cut."""
    asked = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    content = handler.server.file.read_bytes()
    handler.give(content[: (asked + len(content)) // 2], length=len(content) - asked)


def stall(handler):
    half(handler)
    time.sleep(5)


def silent(handler):
    time.sleep(5)


def dripping_header(handler):
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
        handler.wfile.write(bytes([letter]))
        time.sleep(0.05)


def garbage(handler):
    handler.wfile.write(b"\x00\xff" * 500)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"PK" + bytes(2**14))


def bad_chunks(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"zz\r\nPK\r\n")


def gzipped(handler):
    content = gzip.compress(handler.server.file.read_bytes())
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def hang_up(handler):
    handler.connection.close()


PAGE = b"<html>Please accept the conditions of this hotel</html>"

# A fault of the first address: for ever, and what is said of it.
LASTING = {
    "hangs up": (hang_up, "cannot be reached"),
    "never answers": (silent, "did not answer within 1.5 s"),
    "header in drips": (dripping_header, "did not answer within 1.5 s"),
    "no HTTP": (garbage, "cannot be reached"),
    "401": (status(401), "answered 401"),
    "403": (status(403), "answered 403"),
    "404": (status(404), "answered 404"),
    "429": (status(429), "answered 429"),
    "500": (status(500), "answered 500"),
    "503": (status(503), "answered 503"),
    "416": (status(416), "another part"),
    "redirected in a circle": (redirect("/EuroSAT.zip"), "cannot be reached"),
    "redirected to nobody": (redirect("http://127.0.0.1:9/"), "cannot be reached"),
    "redirected to a file": (redirect("file:///etc/hostname"), "cannot be reached"),
    "a longer file": (give_changed(lambda c: c + b"x"), "not the archive"),
    "a shorter file": (give_changed(lambda c: c[:-1]), "not the archive"),
    "an empty file": (give(content=b""), "not the archive"),
    "a hotel's page": (give(content=PAGE, length="none"), "gave no zip file"),
    "longer than it says": (give_changed(lambda c: c + b"x", length="none"), "come to an end"),
    "endless": (endless, "does not come to an end"),
    "in drips": (give(chunk=100, pause=0.05), "gave less than"),
    "stalls": (stall, "gave less than"),
    "cut at the same place": (give_changed(lambda c: c[:1000], length="none"), "broke off"),
    "bad chunks": (bad_chunks, "broke off"),
    "compressed": (gzipped, "not the archive"),
    "a flipped bit": (give_changed(flipped), "wrong checksum"),
    "from the wrong place": (give(start=7, status=206), "another part"),
}

# Faults that pass: what the first address does, one request after the other.
PASSING = {
    "503 once": [status(503), give()],
    "429 twice": [status(429), status(429), give()],
    "cut once": [half, give()],
    "cut twice": [half, half, give()],
    "cut, then knows no ranges": [half, lambda handler: handler.give(start=0, status=200)],
    "cut, then goes on elsewhere": [half, give(start=7, length="none", status=206), give()],
    "cut, then 416": [half, status(416), give()],
    "a flipped bit once": [give_changed(flipped), give()],
    "hangs up once": [hang_up, give()],
    "redirected once": [redirect("/elsewhere/EuroSAT.zip"), give()],
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_of_both_addresses_is_named_in_time(mirror, fault):
    what, reason = LASTING[fault]
    mirror.faults = {FIRST: [what], SECOND: [what]}
    began = time.monotonic()
    with pytest.raises(NoNetworkError, match=reason) as raised:
        load_tiles(source="mirror")
    assert time.monotonic() - began < mirror_module._WITHIN_SECONDS + 5
    assert FIRST in str(raised.value) and SECOND in str(raised.value)
    assert set(kept_files()) <= {"EuroSAT.zip.part"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_of_one_address_costs_nothing(mirror, fault, jpegs):
    mirror.faults[FIRST] = [LASTING[fault][0]]
    assert len(load_tiles("all", source="mirror")) == len(jpegs)
    assert (cache_folder() / "EuroSAT.zip").read_bytes() == mirror.file.read_bytes()
    assert "EuroSAT.zip.part" not in kept_files()


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_waited_for(mirror, fault, jpegs):
    mirror.faults = {FIRST: list(PASSING[fault]), SECOND: [status(404)]}
    assert len(load_tiles("all", source="mirror")) == len(jpegs)


def no_such_name(*given, **named):
    raise socket.gaierror(-2, "Name or service not known")


def hangs(*given, **named):
    time.sleep(5)
    raise socket.gaierror(-3, "Temporary failure in name resolution")


@pytest.mark.parametrize(
    ("look_up", "reason"), [(no_such_name, "cannot be reached"), (hangs, "did not answer within")]
)
def test_a_name_that_is_not_found(mirror, monkeypatch, look_up, reason):
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(NoNetworkError, match=reason):
        load_tiles(source="mirror")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("HTTP_PROXY", "http://" + "x" * 70 + ".example"),
        ("REQUESTS_CA_BUNDLE", "nowhere.pem"),
    ],
)
def test_settings_of_the_network_that_lead_nowhere(mirror, monkeypatch, variable, value):
    secure = tuple(address.replace("http:", "https:") for address in mirror.addresses)
    monkeypatch.setattr(mirror_module, "ADDRESSES", secure)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(variable.replace("HTTP_", "HTTPS_"), value)
    with pytest.raises(NoNetworkError, match="cannot be reached"):
        load_tiles(source="mirror")


# What an earlier process left


def test_a_fetch_that_was_interrupted_goes_on(mirror, jpegs):
    content = mirror.file.read_bytes()
    cache_folder().mkdir(parents=True)
    (cache_folder() / "EuroSAT.zip.part").write_bytes(content[:5000])
    assert len(load_tiles("all", source="mirror")) == len(jpegs)
    assert mirror.asked == [(FIRST, "bytes=5000-")]


@pytest.mark.parametrize(
    ("change", "requests"),
    [
        (lambda content: content, 0),
        (flipped, 1),
        (lambda content: b"garbage" + content[7:5000], 2),
        (lambda content: content + b"x", 1),
        (lambda content: b"", 1),
    ],
    ids=["whole", "whole but flipped", "garbage", "too long", "empty"],
)
def test_what_an_interrupted_fetch_left(mirror, jpegs, change, requests):
    cache_folder().mkdir(parents=True)
    (cache_folder() / "EuroSAT.zip.part").write_bytes(change(mirror.file.read_bytes()))
    (cache_folder() / "tmp1a2b3c").write_bytes(b"an older version's")
    assert len(load_tiles("all", source="mirror")) == len(jpegs)
    assert mirror.downloads == requests
    assert not {"EuroSAT.zip.part", "tmp1a2b3c"} & set(kept_files())


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthened(path):
    path.write_bytes(path.read_bytes() + b"x")


def bit_flipped(path):
    path.write_bytes(flipped(path.read_bytes()))


def emptied(path):
    path.write_bytes(b"")


def another_archive(path):
    write_zip(path, {"Forest_1.jpg": b"1234"})


def a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "file").touch()


def a_dead_link(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    "damage", [cut, lengthened, bit_flipped, emptied, another_archive, a_folder, a_dead_link]
)
def test_a_kept_archive_that_is_damaged_is_fetched_anew(mirror, damage, jpegs, capsys):
    load_tiles("all", source="mirror")
    damage(cache_folder() / "EuroSAT.zip")
    capsys.readouterr()
    assert len(load_tiles("all", source="mirror")) == len(jpegs)
    assert ("has been damaged" in capsys.readouterr().out) == (damage is not a_dead_link)
    assert mirror.downloads == 2
    assert (cache_folder() / "EuroSAT.zip").read_bytes() == mirror.file.read_bytes()


def test_a_damaged_archive_without_a_network_is_not_blamed_on_the_reader(
    mirror, monkeypatch, capsys
):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    load_tiles("all", source="mirror")
    cut(cache_folder() / "EuroSAT.zip")
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, "1")
    assert load_tiles("all").source == "synthetic"
    assert "EuroSAT.zip that was fetched has been damaged" in capsys.readouterr().out


# Places that cannot be used


def test_a_disk_that_is_nearly_full_is_found_before_anything_is_fetched(mirror, monkeypatch):
    usage = mirror_module.shutil.disk_usage(".")
    monkeypatch.setattr(mirror_module.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(NoNetworkError, match="0 MB are free"):
        load_tiles(source="mirror")
    assert mirror.downloads == 0


def test_a_folder_that_cannot_be_made_is_named(mirror, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(NoNetworkError, match="cannot be kept: .*file"):
        load_tiles(source="mirror")


def test_no_home(mirror, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(NoNetworkError, match="no home folder"):
        load_tiles(source="mirror")
