"""What the library says of its images is said by the product in the product's own words."""

import pytest

from sandbox import ImageMissing, Source
from sandbox.complaints import not_built, why
from vibe.perform.counted import Counted

NOBODY = why("ConnectionRefusedError(111, 'Connection refused')")


class Bare:
    """An engine in whose way the images are."""

    def available(self):
        return NOBODY

    def run(self, source, **_):
        raise ImageMissing(not_built([source.image]))


def test_people_are_told_the_command_of_the_product():
    engine = Counted(Bare())
    assert engine.available() == "No Docker engine answers: start Docker, or install it, then run  make images"
    with pytest.raises(ImageMissing) as raised:
        engine.run(Source("python", ("python3", "main.py")))
    assert raised.value.sentence == "The images of the boxes are not built (python): run  make images"
    assert str(raised.value) == raised.value.sentence
