"""The page as a PDF on A4, to print and to send.

WeasyPrint lays the page out by its print style: numbered pages, heads of tables repeated, headings
kept with what they head. It fetches nothing, whatever the page names, and the same page gives the
same file. It knows no style variables inside of pictures, so their colours are put in first.
"""

import re

PRINTED = re.compile(r"@media print \{.*?:root \{(.*?)\}", re.DOTALL)
INSTALL = "pip install 'lead-temperature[pdf]'. Or print the HTML page from a browser."
PANGO = (
    "on Debian, apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. "
    "Or print the HTML page from a browser."
)
VARIABLE = re.compile(r"var\(--([a-z-]+)\)")


def pdf_of(page: str) -> bytes:
    """PDF of a report's page.

    Parameters
    ----------
    page : str
        HTML, as `training.report.render` writes it.

    Raises
    ------
    ImportError
        The extra ``pdf`` is not installed.
    OSError
        The machine has no Pango, which WeasyPrint sets text with.
    """
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]
        from weasyprint.urls import URLFetcher  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise ImportError(f"A PDF needs WeasyPrint: {INSTALL}") from error
    except OSError as error:
        raise OSError(f"WeasyPrint finds no Pango to set text with: {PANGO}") from error
    itself_alone = URLFetcher(allowed_protocols=("data",))
    document = HTML(string=_with_print_colours(page), url_fetcher=itself_alone)
    content: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=b"lead-temperature")
    return content


def _with_print_colours(page: str) -> str:
    """Page whose pictures name their colours on paper."""
    print_style = PRINTED.search(page)
    if not print_style:
        raise ValueError("The page has no print style, so there are no colours to print it in.")
    colours = dict(re.findall(r"--([a-z-]+): ([^;]+);", print_style[1]))
    return re.sub(
        r"<svg.*?</svg>",
        # In attributes alone: what a picture says may be anybody's words.
        lambda svg: re.sub(
            r'="[^"]*"', lambda said: VARIABLE.sub(lambda name: colours[name[1]], said[0]), svg[0]
        ),
        page,
        flags=re.DOTALL,
    )
