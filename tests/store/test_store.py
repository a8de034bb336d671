from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO
from unittest import mock

import pytest

from reconciler.core.digest import ContentHash, RecipeKey, content_hash, hex_of
from reconciler.core.errors import DiskError
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Damaged
from reconciler.core.value import replace
from reconciler.store import disk
from reconciler.store.objects.content_store import ContentStore
from tests.needs import needs_dev_full
from tests.store.contract import KEY, StoreContract, an_image, drawing, spooled
from tests.store.tracing import tracing

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 64


@pytest.fixture
def shelter(tmp_path: Path) -> Path:
    path = tmp_path / "shelter"
    path.mkdir()
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def store(project: Path, shelter: Path) -> ContentStore:
    return ContentStore(project, shelters=(shelter,))


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def fill_the_disk_under(out: IO[bytes]) -> None:
    """From now on the kernel answers every write to this descriptor with ENOSPC."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, out.fileno(), inheritable=False)
    os.close(full)


@contextmanager
def failing(name: str, *, on: int, error: int = errno.EIO) -> Iterator[None]:
    """The disk refuses the `on`-th call of a primitive, once."""
    real, calls = getattr(disk, name), count(1)

    def refuse(fd: int) -> None:
        if next(calls) == on:
            raise OSError(error, os.strerror(error))
        real(fd)

    with mock.patch.object(disk, name, refuse):
        yield


class TestContentStore(StoreContract):
    pass


def giving(data: bytes, *, there: bool = True) -> Callable[[IO[bytes]], bool]:
    def fetch(out: IO[bytes]) -> bool:
        out.write(data)
        return there

    return fetch


class TestRecordsThatCanBeHadAgain:
    """The record of an image that the team's store keeps waits for no disk, and takes no other record with it."""

    def test_the_first_one_is_synced_only_where_it_is_relied_on(self, store: ContentStore) -> None:
        beside = RecipeKey(f"{KEY[:-1]}{'0' if KEY[-1] != '0' else '1'}")
        store.remember(beside, an_image())  # makes the folders, which are synced
        synced: list[str] = []
        with mock.patch.object(disk, "sync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}"))):
            store.remember(KEY, an_image(), durable=False)
            assert synced == []
            store.secure(KEY)
        assert [Path(path).suffix for path in synced] == [".jsonl", ""]

    def test_a_further_one_is_durable_with_those_before_it(self, store: ContentStore) -> None:
        store.remember(KEY, an_image())
        synced: list[int] = []
        with mock.patch.object(disk, "sync", synced.append):
            store.remember(KEY, an_image(b"another"), durable=False)
        assert len(synced) == 2, "the file, and the name in its folder"


class TestCopies:
    """Bytes that another place keeps, too: whatever happens, nothing of them is left that has not their name."""

    def test_they_are_kept_under_their_hash(self, store: ContentStore, project: Path) -> None:
        content = content_hash(PNG)
        assert store.put_copy(content, giving(PNG)) == content
        path = store.sound(content)
        assert path is not None
        assert path.read_bytes() == PNG
        assert store.leftovers() == ()

    @pytest.mark.parametrize("there", [True, False])
    def test_other_bytes_are_not_kept(self, store: ContentStore, *, there: bool) -> None:
        found = store.put_copy(content_hash(PNG), giving(b"other", there=there))
        assert found == (content_hash(b"other") if there else None)
        assert store.find(content_hash(PNG)) is None
        assert store.find(content_hash(b"other")) is None
        assert store.leftovers() == ()

    def test_a_fetch_that_breaks_off_leaves_nothing(self, store: ContentStore) -> None:
        def breaks(out: IO[bytes]) -> bool:
            out.write(PNG)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.put_copy(content_hash(PNG), breaks)
        assert store.leftovers() == ()

    @needs_dev_full
    def test_a_full_disk_rescues_none_of_them(
        self, store: ContentStore, shelter: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = store.open

        def on_a_full_disk(attempt: str = "") -> tuple[Path, IO[bytes]]:
            path, out = opened(attempt)
            fill_the_disk_under(out)
            return path, out

        monkeypatch.setattr(store, "open", on_a_full_disk)
        large = PNG * 200
        with pytest.raises(DiskError, match=r"no space left on device\n"):
            store.put_copy(content_hash(large), giving(large))
        assert files(shelter) == set()
        assert store.leftovers() == ()

    def test_a_disk_that_saves_nothing_rescues_none_of_them(self, store: ContentStore, shelter: Path) -> None:
        with failing("sync", on=2), pytest.raises(DiskError):
            store.put_copy(content_hash(PNG), giving(PNG))
        assert files(shelter) == set()


def test_reading_creates_nothing(store: ContentStore, project: Path) -> None:
    assert store.find(content_hash(b"x")) is None
    assert store.recall(KEY) == ()
    assert list(store.contents()) == []
    assert list(store.verify()) == []
    assert not project.exists()


def test_an_object_is_read_only_and_named_by_its_content_and_the_state_ignores_itself(
    store: ContentStore, project: Path
) -> None:
    store.put(spooled(store, b"sword"))
    digits = hex_of(content_hash(b"sword"))

    assert files(project) == {".reconciler/.gitignore", f".reconciler/store/objects/{digits[:2]}/{digits}"}
    assert (project / ".reconciler/.gitignore").read_text() == "*\n"
    assert stat.S_IMODE((project / f".reconciler/store/objects/{digits[:2]}/{digits}").stat().st_mode) & 0o333 == 0


def test_a_foreign_hash_never_reaches_a_file_elsewhere(store: ContentStore, tmp_path: Path) -> None:
    store.put(spooled(store, b"sword"))
    (tmp_path / "secret").write_text("x")
    way_out = "../../../secret"
    assert (tmp_path / "project/.reconciler/store/objects/.." / way_out).exists()
    assert store.find(ContentHash(f"sha256:{way_out}")) is None
    store.remember(KEY, replace(an_image(), content=ContentHash(f"sha256:{way_out}")))
    assert store.recall(KEY) == ()


def test_a_gitignore_that_a_person_changed_stays(store: ContentStore, project: Path) -> None:
    store.open()[1].close()
    (project / ".reconciler/.gitignore").write_text("*\n!keep\n")
    store.put(spooled(store, b"sword"))
    assert (project / ".reconciler/.gitignore").read_text() == "*\n!keep\n"


def test_putting_again_heals_a_damaged_object(store: ContentStore) -> None:
    path = store.put(spooled(store, b"sword"))
    path.chmod(0o644)
    path.write_bytes(b"sw0rd")
    assert list(store.verify()) == [Damaged(content_hash(b"sword"), path, content_hash(b"sw0rd"))]

    store.put(spooled(store, b"sword"))
    assert list(store.verify()) == []

    path.unlink()
    path.symlink_to("absent")
    assert list(store.verify()) == [Damaged(content_hash(b"sword"), path, None)]


def test_contents_lists_objects_and_nothing_else(store: ContentStore) -> None:
    paths = [store.put(spooled(store, data)) for data in (b"one", b"two")]
    (paths[0].parent / "README").write_text("foreign")
    (paths[0].parent / f"{paths[0].parent.name}~").write_text("foreign")
    (paths[0].parent.parent / "zz").mkdir()
    assert set(store.contents()) == {content_hash(b"one"), content_hash(b"two")}


def test_a_persons_file_is_copied_in_and_stays(store: ContentStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    mine.write_bytes(PNG)
    content = store.put_file(mine)

    found = store.find(content)
    assert content == content_hash(PNG)
    assert found is not None and found.read_bytes() == PNG == mine.read_bytes()
    mine.write_bytes(b"painted over")
    assert found.read_bytes() == PNG


@pytest.mark.parametrize("what", ["absent", "directory", "pipe"])
def test_what_is_no_plain_file_is_not_copied_in_and_leaves_nothing(
    store: ContentStore, tmp_path: Path, project: Path, what: str
) -> None:
    path = tmp_path / what
    put: dict[str, Callable[[], object]] = {
        "absent": lambda: None,
        "directory": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
    }
    put[what]()
    with pytest.raises(DiskError):
        store.put_file(path)
    assert files(project) == {".reconciler/.gitignore"}


def test_an_answer_that_is_shorter_than_it_says_is_not_stored(store: ContentStore) -> None:
    short = spooled(store, b"swo")
    with pytest.raises(DiskError, match="3 bytes of 5"):
        store.put(Spooled(short.path, content_hash(b"sword"), 5))
    assert store.find(content_hash(b"sword")) is None


class TestRecipes:
    def test_lines_that_cannot_be_read_are_skipped_and_kept(self, store: ContentStore, project: Path) -> None:
        one, two, three = drawing(b"one"), drawing(b"two"), drawing(b"three")
        for data in (one, two, three, b"<script>"):
            store.put(spooled(store, data))
        store.remember(KEY, an_image(one))
        (path,) = project.glob(".reconciler/store/recipes/*/*.jsonl")
        good = json.loads(path.read_bytes())
        strange = [
            b"[" * 100_000,
            b"\xff\xfe",
            b"[]",
            b"null",
            json.dumps({**good, "schema": 2, "content": content_hash(three)}).encode(),
            json.dumps({**good, "content": "sha256:../../x"}).encode(),
            json.dumps({**good, "image": {**good["image"], "width": True}}).encode(),
            json.dumps({**good, "image": {**good["image"], "width": "1"}}).encode(),
            *(
                json.dumps({**good, "content": content_hash(three), "image": {**good["image"], **image}}).encode()
                for image in ({"format": "svg"}, {"height": 0}, {"bytes": 0}, {"width": 1343}, {"format": "jpeg"})
            ),
            *(
                json.dumps({**good, "content": content_hash(three), "made": {**good["made"], **made}}).encode()
                for made in (
                    {"cost": "1 USD\x1b[31m"},
                    {"at": "now\x1b[2J"},
                    {"provider": ""},
                    {"cost": "much"},
                    {"x": 1},
                )
            ),
            json.dumps({**good, "content": content_hash(b"<script>"), "image": {**good["image"], "bytes": 8}}).encode(),
            json.dumps({**good, "made": {**good["made"], "usage": 7}}).encode(),
            json.dumps({**good, "made": {"provider": "x"}}).encode(),
            b'{"schema": 1, "content": "sha256:torn',
        ]
        path.write_bytes(path.read_bytes() + b"\n".join(strange))
        assert store.recall(KEY) == (an_image(one),)

        store.remember(KEY, an_image(two))
        assert store.recall(KEY) == (an_image(one), an_image(two))
        assert set(strange) < set(path.read_bytes().split(b"\n"))

    def test_threads_that_remember_for_one_recipe_lose_nothing(self, store: ContentStore) -> None:
        images = [an_image(drawing(b"%d" % number)) for number in range(16)]
        for number in range(16):
            store.put(spooled(store, drawing(b"%d" % number)))
        threads = [threading.Thread(target=store.remember, args=(KEY, image)) for image in images]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {image.content for image in store.recall(KEY)} == {image.content for image in images}

    def test_a_key_never_becomes_a_path_elsewhere(self, store: ContentStore, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="not a recipe key"):
            store.remember(RecipeKey("r1:../../../../x"), an_image())


class TestRescue:
    @needs_dev_full
    def test_a_disk_that_fills_while_the_answer_comes_loses_no_byte(self, store: ContentStore, shelter: Path) -> None:
        path, out = store.open()
        with out:
            out.write(PNG[:9000])
            out.flush()
            fill_the_disk_under(out)
            out.write(PNG[9000:])
        assert Path(out.name).read_bytes() == PNG  # the checks of the answer read it there
        with pytest.raises(DiskError, match="no space left on device; the paid bytes are in") as caught:
            store.put(Spooled(path, content_hash(PNG), len(PNG)))

        assert "free some space" in caught.value.hint
        assert_rescued(shelter, caught.value)
        assert not os.path.lexists(path)

    def test_the_message_about_an_image_says_what_it_is(self, store: ContentStore, shelter: Path) -> None:
        path, out = store.open()
        with out:
            out.write(PNG)
        with failing("sync", on=1), pytest.raises(DiskError, match="; the draft is in ") as caught:
            store.put(Spooled(path, content_hash(PNG), len(PNG), called="the draft is"))
        assert_rescued(shelter, caught.value)

    @needs_dev_full
    @pytest.mark.parametrize("on", [1, 2])
    def test_the_message_names_a_rescue_file_that_is_there(self, store: ContentStore, shelter: Path, on: int) -> None:
        path, out = store.open()
        with out:
            fill_the_disk_under(out)
            out.write(PNG)
        with failing("sync", on=on), pytest.raises(DiskError) as caught:
            store.put(Spooled(path, content_hash(PNG), len(PNG)))
        (name,) = files(shelter)
        assert str(shelter / name) in caught.value.fact
        assert name.endswith(".part" if on == 1 else ".png"), "only what is on the disk gets its lasting name"

    @needs_dev_full
    def test_where_nothing_takes_the_bytes_the_writer_hears_it(self, project: Path, tmp_path: Path) -> None:
        _, out = ContentStore(project, shelters=(tmp_path / "absent",)).open()
        fill_the_disk_under(out)
        with pytest.raises(DiskError, match=r"cannot write .*no space left"), out:
            out.write(PNG)

    def test_what_is_paid_for_goes_elsewhere_where_not_even_a_file_can_be_made(
        self, store: ContentStore, shelter: Path, project: Path
    ) -> None:
        project.write_text("a file where a directory belongs")
        with pytest.raises(DiskError):
            store.open()
        path, out = store.open_paid()
        with out:
            out.write(PNG)
        assert Path(out.name) == path
        with pytest.raises(DiskError, match="the paid bytes are in") as caught:
            store.put(Spooled(path, content_hash(PNG), len(PNG)))
        assert_rescued(shelter, caught.value)

    @pytest.mark.parametrize("sheltered", [True, False])
    def test_a_close_that_fails_is_a_write_that_failed(
        self, store: ContentStore, shelter: Path, sheltered: bool
    ) -> None:
        path, out = store.open()
        out.write(PNG)
        out.flush()
        os.close(out.fileno())  # so that the close of the file is refused
        if sheltered:
            out.close()
            assert Path(out.name).read_bytes() == PNG
            with pytest.raises(DiskError, match="the paid bytes are in") as caught:
                store.put(Spooled(Path(out.name), content_hash(PNG), len(PNG)))
            assert_rescued(shelter, caught.value)
        else:
            shelter.rmdir()
            with pytest.raises(DiskError, match="what came is in") as caught:
                out.close()
            assert str(path) in caught.value.fact
            assert path.read_bytes() == PNG

    def test_a_persons_file_that_the_disk_refuses_is_not_scattered(
        self, store: ContentStore, shelter: Path, project: Path, tmp_path: Path
    ) -> None:
        mine = tmp_path / "mine.png"
        mine.write_bytes(PNG)
        store.open()[1].close()
        before = files(project)
        with failing("sync", on=1), pytest.raises(DiskError, match="cannot save"):
            store.put_file(mine)
        assert files(project) == before
        assert files(shelter) == set()

    def test_bytes_on_the_disk_stay_where_they_are_when_only_the_rename_is_refused(self, store: ContentStore) -> None:
        answer = spooled(store, PNG)
        digits = hex_of(answer.content)
        in_the_way = answer.path.parent.parent / "objects" / digits[:2]
        in_the_way.parent.mkdir()
        in_the_way.write_text("a file where a directory belongs")
        with tracing("fsync") as trace, pytest.raises(DiskError) as caught:
            store.put(answer)
        assert trace[-2:] == [("fsync", ".part"), ("fsync", "spool")]
        assert str(answer.path) in caught.value.fact
        assert answer.path.read_bytes() == PNG
        assert store.leftovers() == (answer.path,)

        in_the_way.unlink()
        assert store.put(answer).read_bytes() == PNG
        assert store.leftovers() == ()

    def test_after_a_failed_fsync_the_same_file_is_never_trusted_again(
        self, store: ContentStore, shelter: Path
    ) -> None:
        answer = spooled(store, PNG)
        with failing("sync", on=1), pytest.raises(DiskError) as caught:
            store.put(answer)
        assert store.find(answer.content) is None
        assert_rescued(shelter, caught.value)

    def test_a_name_that_may_not_be_durable_is_rescued_too(self, store: ContentStore, shelter: Path) -> None:
        answer = spooled(store, PNG)
        store.put(spooled(store, PNG))
        with failing("sync_folder", on=1), pytest.raises(DiskError) as caught:
            store.put(answer)
        assert_rescued(shelter, caught.value)

    def test_where_no_shelter_takes_them_the_message_says_where_the_bytes_are(
        self, project: Path, tmp_path: Path
    ) -> None:
        store = ContentStore(project, shelters=(tmp_path / "absent",))
        answer = spooled(store, PNG)
        with failing("sync", on=1), pytest.raises(DiskError) as caught:
            store.put(answer)
        assert str(answer.path) in caught.value.fact
        assert answer.path.read_bytes() == PNG


def assert_rescued(shelter: Path, error: DiskError) -> None:
    rescued = shelter / f"reconciler-rescue-{hex_of(content_hash(PNG))[:8]}.png"
    assert rescued.read_bytes() == PNG
    assert str(rescued) in error.fact
    assert files(shelter) == {rescued.name}
