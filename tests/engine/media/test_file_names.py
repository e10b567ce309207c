"""Names of files: one clean segment, with the extension of the type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.engine.media import file_names as names

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("nota.pdf", "nota.pdf"),
        ("pasta/2026/nota.pdf", "nota.pdf"),
        ("C:\\Users\\ana\\nota.pdf", "nota.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..", ""),
        ("Relat%C3%B3rio%20final.pdf", "Relatório final.pdf"),
        ("a%2Fb.pdf", "b.pdf"),
        ("100% certo.pdf", "100% certo.pdf"),
        ("x\x00\r\ny.pdf", "xy.pdf"),
        ("nota\u202efdp.exe", "notafdp.exe"),
        ("\ud83d.pdf", ".pdf".lstrip(".")),
        ("pasta/", "pasta"),
        (" .oculto ", "oculto"),
        ("a" * 200 + ".pdf", "a" * 116 + ".pdf"),
        ("a" * 200, "a" * 120),
        ("", ""),
    ],
)
def test_a_name_is_one_clean_segment(written: str, clean: str) -> None:
    assert names.clean(written) == clean


@given(st.text(max_size=300))
def test_a_name_never_leaves_its_folder(written: str) -> None:
    name = names.clean(written)
    assert len(name) <= names.LONGEST
    assert not set(name) & set("/\x00\r\n")
    assert name not in (".", "..")
    assert names.disposition(name, inline=False).isascii()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="Boleto marco.pdf"', "Boleto marco.pdf"),
        ("attachment; filename=nota.pdf", "nota.pdf"),
        ("attachment; filename*=UTF-8''Relat%C3%B3rio%20final.pdf", "Relatório final.pdf"),
        ("attachment; filename=\"plain.pdf\"; filename*=UTF-8''mar%C3%A7o.pdf", "março.pdf"),
        ('attachment; filename="..\\\\..\\\\nota.pdf"', "nota.pdf"),
        ("inline", ""),
        ("", ""),
        ("attachment; filename*=nowhere-8''x%FF.pdf", "xÿ.pdf"),
        ("attachment;\r\n filename=quebrada.pdf", "quebrada.pdf"),
    ],
)
def test_a_header_names_a_file(header: str, name: str) -> None:
    assert names.of_disposition(header) == name


@given(st.text(max_size=200))
def test_any_header_is_read(header: str) -> None:
    assert isinstance(names.of_disposition(header), str)


def test_an_address_names_a_file_where_it_looks_like_one() -> None:
    assert names.of_address("https://h.example/enc/Relat%C3%B3rio%20final.pdf?x=a.b") == "Relatório final.pdf"
    assert names.of_address("https://h.example/files/42") == ""
    assert names.of_address("https://h.example/v1.2026") == ""
    assert names.of_address("https://h.example") == ""


@pytest.mark.parametrize(
    ("kind", "name", "mime", "named"),
    [
        ("document", "", "application/pdf", "document.pdf"),
        ("document", "", None, "document"),
        ("document", "nota sem extensao", "application/pdf", "nota sem extensao.pdf"),
        ("document", "relatorio.2026", "application/pdf; x=1", "relatorio.2026.pdf"),
        ("document", "planilha.xlsx", "application/zip", "planilha.xlsx"),
        ("document", "planilha", XLSX, "planilha.xlsx"),
        ("document", "v.7z", "application/pdf", "v.7z"),
        ("image", "", "image/png", None),
        ("image", "foto", "image/png", "foto.png"),
    ],
)
def test_an_extension_is_added_where_there_is_none(kind: str, name: str, mime: str | None, named: str | None) -> None:
    assert names.named(kind, name, mime) == named


def test_what_an_extension_stands_for() -> None:
    assert names.type_of("dados.CSV") == "text/csv"
    assert names.type_of("foto.jpeg") == "image/jpeg"
    assert names.type_of("pagina.htm") == "text/html"
    assert names.type_of("arquivo.zip") == "application/zip"
    assert names.type_of("arquivo.xyz") is None
    assert names.type_of("arquivo") is None


def test_a_header_for_readers_old_and_new() -> None:
    told = names.disposition('março "1".pdf', inline=False)
    assert told == "attachment; filename=\"mar_o _1_.pdf\"; filename*=UTF-8''mar%C3%A7o%20%221%22.pdf"
    assert names.of_disposition(told) == 'março "1".pdf'
    assert names.disposition("a.png", inline=True).startswith("inline; ")
