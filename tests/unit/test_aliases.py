"""Aliases: what a vendor's model name and dimension lead to."""

import pytest

from imgvec.aliases import Alias, find_alias, list_served, off_with_unserved, read_off
from imgvec.dialects import all_dialects
from imgvec.errors import BadParameter, SettingsError, UnknownModel

ROW = Alias("some-model", (1024, 512))


EVERY = (512, 768, 1024)
OPENAI = {
    "jina-clip-v1": (768,),
    "jina-clip-v2": (1024, 512, 768),
    "jina-embeddings-v3": (1024, 512, 768),
    "jina-embeddings-v4": EVERY,
    "voyage-multimodal-3": (1024,),
    "voyage-multimodal-3.5": (1024, 512),
    "voyage-3": (1024,),
    "voyage-3.5": (1024, 512),
    "voyage-3-large": (1024, 512),
    "voyage-4": (1024, 512),
    "embed-english-v3.0": (1024,),
    "embed-multilingual-v3.0": (1024,),
    "embed-v4.0": (512, 1024),
    "text-embedding-3-small": EVERY,
    "text-embedding-3-large": EVERY,
}


def test_the_table_is_the_contract() -> None:
    table = {(one.name, a.model): a.dimensions for one in all_dialects() for a in one.aliases}
    openai = {model: dimensions for (name, model), dimensions in table.items() if name == "openai"}
    assert openai == OPENAI
    assert {row: dimensions for row, dimensions in table.items() if row[0] != "openai"} == {
        ("cohere", "embed-english-v3.0"): (1024,),
        ("cohere", "embed-multilingual-v3.0"): (1024,),
        ("cohere", "embed-v4.0"): (512, 1024),
        ("coreviz", "default"): (768,),
        ("pixlab", "img-embed"): (1024, 512),
        ("pixlab", "pix-llm"): (512, 1024),
        ("memories.ai", "mobileclip"): (512,),
        ("memories.ai", "multimodalembedding@001"): (1024,),
        ("memories.ai", "gemini-embedding-001"): (512, 768, 1024),
        ("weaviate", "multi2vec-clip"): (512, 768, 1024),
        ("bedrock", "amazon.titan-embed-image-v1"): (1024,),
        ("bedrock", "cohere.embed-english-v3"): (1024,),
        ("bedrock", "cohere.embed-multilingual-v3"): (1024,),
        ("bedrock", "cohere.embed-v4"): (512, 1024),
        ("bedrock", "amazon.nova-2-multimodal-embeddings-v1"): (1024,),
    }


@pytest.mark.parametrize(("asked", "width"), [(None, 1024), (1024, 1024), (512, 512)])
def test_an_alias_leads_to_a_width(asked: int | None, width: int) -> None:
    assert ROW.resolve(asked) == width


@pytest.mark.parametrize("asked", [0, -512, 513, 768, 2048])
def test_another_width_is_refused_and_those_there_are_named(asked: int) -> None:
    with pytest.raises(BadParameter, match="1024, 512"):
        ROW.resolve(asked)


def test_an_unknown_model_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(UnknownModel, match="some-model"):
        find_alias([ROW], "SOME-MODEL")


def test_an_alias_without_a_default_names_the_parameter_and_the_dimensions() -> None:
    alias = Alias("some-model", (512, 768), has_default=False)
    assert alias.resolve(768) == 768
    with pytest.raises(BadParameter, match="no default here, give 'dimension': 512, 768"):
        alias.resolve(None, name="dimension")


TABLE = [("vendor", ROW), ("other", Alias("some-model", (768,)))]


def test_dimensions_that_no_encoder_has_are_off() -> None:
    off = off_with_unserved(read_off(("vendor:some-model:512",), TABLE), TABLE, frozenset({512}))
    assert off == {"vendor": {"some-model": {512, 1024}}, "other": {"some-model": {768}}}
    with pytest.raises(BadParameter, match="not served here in dimension 1024"):
        ROW.resolve(1024, off["vendor"])
    everything = frozenset({512, 768, 1024})
    assert off_with_unserved({}, TABLE, everything) == {}


def test_the_list_has_a_line_for_each_model() -> None:
    table = [*TABLE, ("vendor", Alias("wide", (1024,)))]
    off = off_with_unserved({}, table, frozenset({1024}))
    assert [" ".join(line.split()) for line in list_served(table, off)] == [
        "vendor some-model 1024; off: 512",
        "other some-model off: 768",
        "vendor wide 1024",
    ]


@pytest.mark.parametrize(
    ("entries", "off"),
    [
        ((), {}),
        (("vendor:some-model",), {"vendor": {"some-model": {512, 1024}}}),
        (("vendor:some-model:512",), {"vendor": {"some-model": {512}}}),
        (
            ("vendor:some-model:512", "vendor:some-model:1024", "other:some-model"),
            {"vendor": {"some-model": {512, 1024}}, "other": {"some-model": {768}}},
        ),
    ],
)
def test_what_is_switched_off(entries: tuple[str, ...], off: dict[str, object]) -> None:
    assert read_off(entries, TABLE) == off


@pytest.mark.parametrize("entry", ["vendor", "vendor:some-mode", "vendor:some-model:768"])
def test_switching_off_what_a_dialect_has_not_is_an_error(entry: str) -> None:
    with pytest.raises(SettingsError, match=f"names '{entry}', .* vendor:some-model:512"):
        read_off([entry], TABLE)


@pytest.mark.parametrize("entry", ["some-model", "Vendor:some-model", "a:b:c:d"])
def test_switching_off_what_no_dialect_has_is_an_error(entry: str) -> None:
    with pytest.raises(SettingsError, match=rf"names '{entry}', .* there are: .*vendor:\.\.\."):
        read_off([entry], TABLE)


@pytest.mark.parametrize("asked", [1024, None], ids=["by number", "by default"])
def test_a_width_that_is_off_is_refused_and_has_no_substitute(asked: int | None) -> None:
    off = {"some-model": frozenset({1024})}
    with pytest.raises(BadParameter, match="some-model is not served here in dimension 1024"):
        ROW.resolve(asked, off)
    assert ROW.resolve(512, off) == 512


def test_another_model_s_width_stays_on() -> None:
    assert ROW.resolve(1024, {"another": frozenset({1024})}) == 1024
