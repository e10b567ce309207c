"""Addresses: kinds, spellings, and what a written number means; by tables, and over every region's own examples."""

from collections.abc import Sequence

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model import address
from esteio.core.model.address import Ambiguous, Read, choose, line_of, read, same_line, spellings


def meant(text: str, region: str = "BR", known: Sequence[str] = ()) -> Read | Ambiguous | None:
    reading = read(text, region)
    lines = {line_of(one) for one in known}
    return choose(reading, lines & reading.asks)


def to(digits: str, read_as: str | None = None) -> Read:
    return Read(digits, read_as)


# -- the contract's table ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+5511987654321", "5511987654321"),
        ("+55 (11) 98765-4321", "5511987654321"),
        ("005511987654321", "5511987654321"),
        ("00 351 912 345 678", "351912345678"),
        ("tel:+55-11-98765-4321", "5511987654321"),
        ("TEL:+5511987654321", "5511987654321"),
        ("whatsapp:+5511987654321", "5511987654321"),
        ("+51987654321", "51987654321"),
        ("\u202a+55 11 98765-4321\u202c", "5511987654321"),
        ("+55\u00a011\u200b98765\u20114321", "5511987654321"),
        ("+55 11 98765\u20134321", "5511987654321"),
        ("\ufeff+55\u2060 [11] {98765}\u22124321\ufe0f", "5511987654321"),
        ("+52 1 55 1234 5678", "5215512345678"),
        ("5215512345678", "5215512345678"),
        ("+54 9 11 2345 6789", "5491123456789"),
        ("+551188887777", "551188887777"),
        ("+44 (0)7911 123456", "447911123456"),
        ("+29022158", "29022158"),
        ("51987654321@s.whatsapp.net", "51987654321"),
        ("5511987654321:12@s.whatsapp.net", "5511987654321"),
        ("5511987654321@c.us", "5511987654321"),
        ("+55", None),
        ("+", None),
        ("+0011987654321", None),
        ("000", None),
        ("tel:+5511987654321;ext=2", None),
        ("tel:", None),
        ("mailto:+5511987654321", None),
        ("+5511+987654321", None),
        ("+" + "5" * 200, None),
    ],
)
def test_what_says_its_country_is_final(text: str, digits: str | None) -> None:
    assert not read(text, "BR").asks
    assert meant(text) == meant(text, "") == meant(text, "PE") == (digits and to(digits))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        # valid with its own country code, and not at home
        ("56912345678", to("56912345678")),
        ("14155552671", to("14155552671")),
        # valid at home only
        ("11987654321", to("5511987654321", "BR")),
        ("(11) 98765-4321", to("5511987654321", "BR")),
        ("11\u201198765\u20134321", to("5511987654321", "BR")),
        ("tel:11987654321", to("5511987654321", "BR")),
        ("011987654321", to("5511987654321", "BR")),
        # both, the same number
        ("5511987654321", to("5511987654321")),
        # both, two numbers
        ("51987654321", Ambiguous(("+51987654321", "+5551987654321"))),
        ("4530123456", Ambiguous(("+4530123456", "+554530123456"))),
        ("34912345678", Ambiguous(("+34912345678", "+5534912345678"))),
        # neither: possible, with a country code, 11 to 15 digits
        ("551188887777", to("551188887777")),
        ("5215512345678", to("5215512345678")),
        # neither
        ("987654321", None),
        ("1188887777", None),
        ("0", None),
        ("", None),
        ("abc", None),
        ("1" * 20, None),
        ("٥٥١١٩٩٩٩٩٨٨٨٨", None),
        ("55;11999998888", None),
    ],
)
def test_bare_digits_are_read_twice(text: str, result: Read | Ambiguous | None) -> None:
    assert meant(text) == result


def test_the_chat_that_is_known_decides_and_nothing_where_both_are() -> None:
    peru, brazil = "51987654321", "5551987654321"
    assert meant(peru, known=[peru]) == to(peru)
    assert meant(peru, known=[brazil]) == to(brazil, "BR")
    assert meant(peru, known=["555187654321"]) == to(brazil, "BR")
    assert isinstance(meant(peru, known=[peru, brazil]), Ambiguous)
    assert isinstance(meant(peru, known=["5511987654321"]), Ambiguous)


def test_digits_that_we_gave_out_are_taken_as_they_are() -> None:
    assert meant("987654", known=["987654"]) == to("987654")
    assert meant("11987654321", known=["11987654321"]) == to("11987654321")
    assert meant("4407911123456") == to("447911123456")
    assert meant("4407911123456", known=["4407911123456"]) == to("4407911123456")
    assert meant("11987654321", known=["11987654321", "5511987654321"]) == Ambiguous(("+11987654321", "+5511987654321"))


def test_without_a_region_there_is_no_second_reading() -> None:
    assert meant("51987654321", "") == to("51987654321")
    assert meant("2133334444", "") is None
    assert meant("11987654321", "") == to("11987654321")  # of a possible length in North America


def test_another_region_reads_its_own() -> None:
    assert meant("912 345 678", "PT") == to("351912345678", "PT")
    assert meant("2133334444", "PT") is None


# -- every country's own examples ----------------------------------------------------------------------------------

TYPES = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
EXAMPLES = sorted(
    {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        for region in address.REGIONS
        for kind in TYPES
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    }
)


def countries_of(digits: str, region: str) -> set[str]:
    """The numbers, told by the library itself, that these digits are."""
    found = set()
    for text, home in ((f"+{digits}", None), (digits, region)):
        try:
            number = phonenumbers.parse(text, home)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            found.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return found


@pytest.mark.parametrize("region", ["BR", "AR", "MX", "US", "PT", "IT", "IN", "DE", "SG"])
def test_no_number_of_two_countries_is_read_without_its_chat(region: str) -> None:
    nationals = [digits[cut:] for digits in EXAMPLES for cut in range(4)]
    for digits in {*EXAMPLES, *nationals}:
        result = meant(digits, region)
        numbers = countries_of(digits, region)
        if len({line_of(one[1:]) for one in numbers}) > 1 and not digits.startswith("00"):
            assert isinstance(result, Ambiguous), digits
            assert {read(one, region).first for one in result.candidates} == {one[1:] for one in numbers}
        elif not digits.startswith("00"):
            assert not isinstance(result, Ambiguous), digits


@pytest.mark.parametrize("digits", EXAMPLES)
def test_every_number_is_read_with_a_plus_and_as_a_known_chat(digits: str) -> None:
    assert meant(f"+{digits}") == to(digits)
    assert meant(f"{digits}@s.whatsapp.net") == to(digits)
    assert meant(f"tel:+{digits}") == to(digits)
    assert meant(digits, known=[digits]) == to(digits)


@given(st.from_regex(r"[1-9][0-9]{4,14}", fullmatch=True))
def test_what_was_given_out_comes_back_whatever_it_is(digits: str) -> None:
    assert meant(digits, known=[digits]) == to(digits)


# -- spellings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "other"),
    [
        ("5531988887777", "553188887777"),
        ("5511987654321", "551187654321"),
        ("5491123456789", "541123456789"),
        ("5215512345678", "525512345678"),
    ],
)
def test_a_mobile_of_three_countries_is_written_two_ways(phone: str, other: str) -> None:
    assert spellings(phone) == (phone, other)
    assert spellings(other) == (other, phone)
    assert same_line(phone, other)
    assert address.kind_of(line_of(phone)) == "phone"


@pytest.mark.parametrize(
    "phone",
    # Landlines, other countries, other kinds; and a mobile that never had a spelling without its ninth digit.
    ["551132345678", "5511932345678", "351912345678", "14155552671", "123@lid", "549112345678", "1@g.us", "525"],
)
def test_every_other_address_is_written_one_way(phone: str) -> None:
    assert spellings(phone) == (phone,)
    assert line_of(phone) == phone


def test_a_landline_is_not_the_mobile_with_a_nine_before_it() -> None:
    assert not same_line("551132345678", "5511932345678")


MOBILES = st.one_of(
    st.from_regex(r"55[1-9][0-9]9?[6-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"549?[1-8][0-9]{9}", fullmatch=True),
    st.from_regex(r"521?[2-9][0-9]{9}", fullmatch=True),
)
PHONES = st.one_of(MOBILES, st.sampled_from(EXAMPLES), st.from_regex(r"[1-9][0-9]{4,14}", fullmatch=True))


@given(MOBILES)
def test_each_spelling_leads_to_the_other_and_both_are_one_line(phone: str) -> None:
    here, there = spellings(phone)
    assert here == phone
    assert spellings(there) == (there, here)
    assert line_of(here) == line_of(there) == min(here, there, key=len)


@given(PHONES, PHONES)
def test_being_one_line_is_symmetric_and_goes_by_the_spellings(one: str, other: str) -> None:
    assert same_line(one, other) is same_line(other, one) is (other in spellings(one))


def test_a_spelling_that_we_do_not_know_may_be_the_same_line() -> None:
    assert address.may_be_same_line("4915112345678", "49015112345678")
    assert address.may_be_same_line("4915112345678", "4915112345678")
    assert address.may_be_same_line("5491123456789", "5401123456789")
    assert address.may_be_same_line("5401123456789", "5491123456789")
    assert not address.may_be_same_line("5511987654321", "5521987654321")
    assert not address.may_be_same_line("4915112345678", "49015112345679")
    assert not address.may_be_same_line("98765@lid", "98765")


# -- kinds and JIDs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jid", "normal", "kind", "answerable"),
    [
        ("5511987654321@s.whatsapp.net", "5511987654321", "phone", True),
        ("5511987654321:12@s.whatsapp.net", "5511987654321", "phone", True),
        ("5511987654321.0:12@S.WhatsApp.Net", "5511987654321", "phone", True),
        ("5511987654321@c.us", "5511987654321", "phone", True),
        ("5511987654321:99@hosted", "5511987654321", "phone", True),
        ("+5511987654321", "5511987654321", "phone", True),
        ("98765432100779:12@lid", "98765432100779@lid", "lid", True),
        ("98765432100779:99@hosted.lid", "98765432100779@lid", "lid", True),
        ("120363000000000001@g.us", "120363000000000001@g.us", "group", True),
        ("5511987654321-1600000000@g.us", "5511987654321-1600000000@g.us", "group", True),
        ("1700000000@broadcast", "1700000000@broadcast", "list", False),
        ("status@broadcast", "status@broadcast", "status", False),
        ("120363000000000006@newsletter", "120363000000000006@newsletter", "newsletter", False),
        ("867051314767696@bot", "867051314767696@bot", "other", False),
        ("0@s.whatsapp.net", "0@s.whatsapp.net", "other", False),
        ("0@c.us", "0@s.whatsapp.net", "other", False),
        ("120363000000000006", "120363000000000006", "other", False),
        ("@g.us", "@g.us", "other", False),
        ("erased_1", "erased_1", "other", False),
    ],
)
def test_a_jid_has_a_kind_and_a_normal_form(jid: str, normal: str, kind: str, answerable: bool) -> None:
    assert address.of_jid(jid) == normal
    assert address.kind_of(normal) == kind
    assert address.answerable(normal) is answerable
    assert address.phone_of_jid(jid) == (normal if kind == "phone" else None)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        (" 98765432100779:12@lid\u200b", "98765432100779@lid"),
        ("status@broadcast", "status@broadcast"),
        ("1700000000@broadcast", "1700000000@broadcast"),
        ("1203@newsletter", "1203@newsletter"),
        ("867051314767696@bot", "867051314767696@bot"),
        ("0@s.whatsapp.net", "0@s.whatsapp.net"),
        ("5511999998888@evil.example", None),
        ("@g.us", None),
        ("x@lid", None),
        ("x@g.us", None),
        ("ana@example.com", None),
    ],
)
def test_a_written_jid_is_taken_as_it_is_if_it_can_be_one(text: str, result: str | None) -> None:
    assert meant(text) == (result and to(result))


@pytest.mark.parametrize(("one", "jid"), [("5511987654321", "5511987654321@s.whatsapp.net"), ("1@g.us", "1@g.us")])
def test_the_jid_of_an_address(one: str, jid: str) -> None:
    assert address.jid_of(one) == jid


def test_where_whatsapp_needs_to_know_the_author() -> None:
    kinds = ["1@g.us", "status@broadcast", "1700000000@broadcast", "5511987654321", "1@newsletter"]
    assert [address.has_many_authors(one) for one in kinds] == [True, True, True, False, False]


USERS = st.from_regex(r"[0-9]{1,20}(-[0-9]{5,12})?(\.[0-9])?(:[0-9]{1,3})?", fullmatch=True)
HOSTS = st.sampled_from(
    ["s.whatsapp.net", "c.us", "hosted", "lid", "hosted.lid", "g.us", "broadcast", "newsletter", "bot", "x.example"]
)


@given(USERS, HOSTS, st.sampled_from(["BR", "US", ""]))
def test_every_chat_that_can_be_answered_is_answered_by_its_name(user: str, host: str, region: str) -> None:
    chat = address.of_jid(f"{user}@{host}")
    assert address.of_jid(chat) == chat
    assert (address.kind_of(chat) == "phone") is ("@" not in chat)
    written = meant(chat, region, known=[chat])
    if address.answerable(chat):
        assert written == to(chat)
    else:
        assert written in (None, to(chat))
