"""Whatever the headers of a call and of the parts of its form say, the answer is no error of ours."""

from __future__ import annotations

import encodings.aliases

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.helpers import put
from tests.tools.shop import DESCRIPTIONS, IMAGES, draw, encoded, error_of

CODECS = sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "undefined", "idna", "mbcs"})
PICTURE = encoded(draw("red", "dress"))
BODY = (
    b'--X\r\nContent-Disposition: form-data; name="text"\r\n\r\nred \xe9\r\n'
    b'--X\r\nContent-Disposition: form-data; name="image"; filename="a\xff.png"\r\n\r\n' + PICTURE + b"\r\n--X--\r\n"
)


def post(client: httpx.Client, path: str, content_type: str, body: bytes = BODY) -> httpx.Response:
    headers = {b"content-type": content_type.strip(" ").encode("latin-1")}  # the client takes no blanks at the ends
    return client.request("PUT" if "products/" in path else "POST", path, content=body, headers=headers)


def test_a_form_in_an_odd_charset_is_told_so_by_all_calls(editor: httpx.Client) -> None:
    """`undefined` and `punycode` were answered 500 by all calls that take forms."""
    for path in (IMAGES, DESCRIPTIONS, "/v1/classify", "/v1/explain", "/v1/products", "/v1/products/a"):
        for name in ("undefined", "punycode", "idna", "utf_16", "no such", "", "%s" * 20, "\xff"):
            answer = post(editor, path, f'multipart/form-data; boundary=X; charset="{name}"')
            error_of(answer, 415, "unsupported_media_type")


def test_no_codec_of_python_is_an_internal_error(client: httpx.Client) -> None:
    codes = {
        name: post(client, IMAGES, f"multipart/form-data; boundary=X; charset={name}").status_code for name in CODECS
    }
    assert set(codes.values()) == {200, 415}
    assert codes["utf8"] == codes["latin_1"] == codes["ascii"] == 200
    for name in CODECS[::10]:
        assert post(client, IMAGES, f"application/json; charset={name}", b'{"text": "red"}').status_code == 200


PARAMETER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
NAMES = st.sampled_from(
    ["boundary", "charset", "filename", "filename*", "filename*0", "name", "name*", "boundary*", "q", ""]
)
PARAMETERS = st.lists(st.tuples(NAMES, PARAMETER, st.booleans()), max_size=4).map(
    lambda many: "".join(f'; {name}="{value}"' if quoted else f"; {name}={value}" for name, value, quoted in many)
)
HEADERS = [
    *("authorization", "accept", "accept-encoding", "accept-language", "cookie", "content-encoding", "expect"),
    *("if-match", "if-none-match", "if-modified-since", "range", "traceparent", "tracestate"),
    *("x-api-key", "x-request-id", "x-forwarded-for", "x-forwarded-proto"),
]


@settings(max_examples=50)
@given(of_form=PARAMETERS, of_part=PARAMETERS, known=st.booleans())
def test_no_parameter_of_a_form_is_an_internal_error(
    client: httpx.Client, of_form: str, of_part: str, known: bool
) -> None:
    body = b"--X\r\nContent-Disposition: form-data" + of_part.encode("latin-1") + b"\r\n\r\nred\r\n--X--\r\n"
    kind = "multipart/form-data" + ("; boundary=X" if known else "") + of_form
    assert post(client, IMAGES, kind, body).status_code < 500


@settings(max_examples=50)
@given(headers=st.dictionaries(st.sampled_from(HEADERS), PARAMETER, max_size=3), parameters=PARAMETERS)
def test_no_header_is_an_internal_error(client: httpx.Client, headers: dict[str, str], parameters: str) -> None:
    raw = [(name.encode(), value.strip(" ").encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-type", b"application/json" + parameters.rstrip(" ").encode("latin-1")))
    for method, path, body in (("POST", IMAGES, b'{"text": "red"}'), ("GET", "/v1/products/1000", None)):
        assert client.request(method, path, content=body, headers=raw).status_code < 500


def test_names_of_fields_are_not_repeated_at_length(editor: httpx.Client) -> None:
    name = "x" * 4000
    answers = [
        editor.post(IMAGES, files=[(name, (None, "a")), (name, (None, "b"))]),
        editor.post(IMAGES, json={name: 1}),
        editor.post("/v1/products", files=[("image", (name, b"a")), ("image", (name, b"b"))]),
        put(editor, "a", {"title": "x", "attributes": {name: "y"}}),
    ]
    for answer in answers:
        error_of(answer, 422, "invalid_request")
        assert len(answer.content) < 2000
    assert len(error_of(editor.get(f"/v1/products/{'x' * 30_000}"), 404, "not_found")["message"]) < 2500
    assert len(error_of(editor.get(f"/{'x' * 30_000}"), 404, "not_found")["message"]) < 2500
