"""museq, a server of images under OpenAI's API, with a small model of ours: what it draws is what is locked."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.peers.project import Project
from tests.peers.servers import Peer, museq, only_when_wanted
from tests.providers.builders import a_picture

only_when_wanted()

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def muse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with museq(tmp_path_factory.mktemp("museq")) as peer:
        warm = Project(tmp_path_factory.mktemp("warm"), peer.url, model="painter")
        warm.want("warm", "the first call loads the model", size="256x256")
        assert warm.apply() == 0, warm.said + peer.log[-2000:]
        yield peer


@pytest.fixture
def project(tmp_path: Path, muse: Peer) -> Project:
    return Project(tmp_path / "project", muse.url, model="painter")


def posts(muse: Peer) -> int:
    """Requests for an image that came to the model: the gateway tells of each that it passes on."""
    return sum("HTTP Request: POST" in line and "/v1/images/" in line for line in muse.log.splitlines())


def size(project: Project, identity: str) -> tuple[int, int]:
    with Image.open(project.root / project.lock[identity]["output"]) as image:
        return image.size


def colour(project: Project, identity: str, share: float) -> tuple[int, ...]:
    with Image.open(project.root / project.lock[identity]["output"]) as image:
        pixel = image.convert("RGB").getpixel((int(image.width * share), image.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


def test_sizes_in_pixels_and_as_ratios(project: Project, muse: Peer) -> None:
    project.want("pixels", "in pixels", size="320x192")
    project.want("square", "a square", size="1:1", image_size="512")
    project.want("wide", "wide", size="16:9", image_size="1K")
    before = posts(muse)
    assert project.apply() == 0, project.said
    assert (size(project, "pixels"), size(project, "square")) == ((320, 192), (512, 512))
    width, height = size(project, "wide")
    assert width / height == pytest.approx(16 / 9, rel=0.035)
    assert project.run("check") == 0
    assert project.apply() == 0
    assert posts(muse) - before == 3


def test_a_picture_to_begin_with(tmp_path: Path, muse: Peer) -> None:
    project = Project(tmp_path / "project", muse.url, model="painter", settings={"endpoint": "images"})
    a_picture(project.root / "blue.png", colour="blue", size=64)
    project.want("made", "beside it", size="256x256", references=["blue.png"])
    assert project.apply() == 0, project.said
    assert colour(project, "made", 0.25) == (0, 0, 255)
    assert colour(project, "made", 0.75) != (0, 0, 255)


def test_an_edit_with_a_mask(project: Project) -> None:
    a_picture(project.root / "blue.png", colour="blue", size=64)
    with Image.new("L", (64, 64)) as mask:
        mask.paste(255, (32, 0, 64, 64))
        mask.save(project.root / "mask.png")
    project.want("edited", "over the right half", size="256x256", references=["blue.png"], mask="mask.png")
    assert project.apply() == 0, project.said
    assert colour(project, "edited", 0.25) == (0, 0, 255)
    assert colour(project, "edited", 0.75) != (0, 0, 255)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": "2560x1440"}, "out of supported range"),
        ({"size": "256x256", "model": "nobody"}, "'nobody' is not in the catalog"),
        ({"size": "256x256", "params": {"steps": 1000}}, "steps"),
        ({"size": "256x256", "references": ["blue.png"]}, "body.mask: Field required"),
    ],
)
def test_what_it_rejects_is_told_in_its_words_and_is_not_in_doubt(
    project: Project, fields: dict[str, object], words: str
) -> None:
    a_picture(project.root / "blue.png", colour="blue", size=64)
    project.want("wrong", "it cannot be", **fields)
    assert project.apply() == 1
    assert words in project.said
    assert project.lock == {}
    assert project.actions()["wrong"][0] == "generate"


def test_a_model_that_fails_leaves_the_outcome_in_doubt(project: Project, muse: Peer) -> None:
    project.want("broken", "a broken brush", size="256x256")
    before = posts(muse)
    assert project.apply() == 3
    assert "internal_error" in project.said
    assert project.apply() == 3
    assert posts(muse) - before == 1
    assert project.apply("--retry-in-doubt") == 3
    assert posts(muse) - before == 2


def test_busy_is_waited_for_and_never_in_doubt(project: Project, muse: Peer) -> None:
    for number in range(3):
        project.want(f"slow{number}", f"number {number} for 0.3 s", size="256x256")
    before = muse.log.count('" 503')
    for _ in range(4):  # an attempt may meet a busy model three times: then it says so, and the next run goes on
        code = project.apply()
        assert "in doubt" not in project.said
        if code == 0:
            break
        assert code == 1
        assert "queue_timeout" in project.said
    assert code == 0
    assert muse.log.count('" 503') > before
    assert set(project.lock) == {"slow0", "slow1", "slow2"}


def test_its_models_are_listed(project: Project) -> None:
    assert project.run("providers", "--test", "peer") == 0, project.said
    assert "works" in project.said


def test_a_server_that_dies_leaves_in_doubt_and_one_that_is_away_does_not(tmp_path: Path) -> None:
    with museq(tmp_path / "museq") as peer:
        project = Project(tmp_path / "project", peer.url, model="painter")
        project.want("long", "for 30 s", size="256x256")
        command = project.command("apply", "--yes", "--max-images", "1")
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=project.environment) as running:
            while "POST http" not in peer.log and "painter" not in peer.log.partition("Uvicorn running")[2]:
                assert running.poll() is None
            peer.kill()
            said = running.communicate(timeout=60)[1]
    assert running.returncode == 3, said
    assert project.apply() == 3
    project.want("other", "a cat", size="256x256")
    assert project.apply("--include", "other") == 1
    assert project.actions() == {"long": ("hold", "Doubtful"), "other": ("generate", "NeverGenerated")}
