"""Settings: bounds, messages, and what makes two runs equal."""

from __future__ import annotations

import pytest

from fastthumb.errors import SettingsError
from fastthumb.settings import Settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"variants": 3}, ["variants", "4", "3"]),
        ({"variants": 13}, ["variants", "12", "13"]),
        ({"preset": "slow"}, ["preset", "fast", "slow"]),
        ({"aspects": ("16x9",)}, ["aspects", "16:9", "16x9"]),
        ({"aspects": ("0:9",)}, ["aspects", "0:9"]),
        ({"image_format": "bmp"}, ["image_format", "jpg", "bmp"]),
        ({"sprite_interval_seconds": 0}, ["sprite_interval_seconds", "0"]),
        ({"nonsense": 1}, ["nonsense"]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_bad_value_is_one_sentence_that_names_it(
    values: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.build(**values)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_equal_settings_have_equal_keys_and_any_other_value_another_key() -> None:
    base = Settings()
    assert Settings.build(variants=8).key() == base.key()
    assert Settings.build(variants=9).key() != base.key()
    assert Settings.build(aspects=("16:9", "16:9")) == Settings.build(aspects=("16:9",))


def test_the_choice_does_not_change_the_analysis_key() -> None:
    base = Settings().analysis_key()
    assert Settings.build(genre="action", variants=5, image_format="png").analysis_key() == base
    assert Settings.build(preset="fast").analysis_key() != base


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"models_dir": "/elsewhere", "cast": "/cast", "inputs_hash": "x"}, True),
        ({"sprites": True, "aspects": ("1:1",), "max_width": 640}, True),
        ({"candidates_per_hour": 500}, False),
        ({"small_faces": True}, False),
        ({"detect": False}, False),
    ],
    ids=str,
)
def test_the_analysis_key_holds_what_influences_the_analysis(
    changes: dict[str, object], same: bool
) -> None:
    assert (Settings.model_validate(changes).analysis_key() == Settings().analysis_key()) == same


def test_what_has_no_effect_beside_the_other_settings_is_not_in_the_key() -> None:
    nobody = Settings(detect=False)
    assert Settings(detect=False, small_faces=True).analysis_key() == nobody.analysis_key()
