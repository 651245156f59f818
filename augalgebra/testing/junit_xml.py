"""The report as JUnit XML, which continuous integration reads."""

import re
from xml.etree import ElementTree

from augalgebra.testing.report import Report, Result

# XML 1.0 has no way to write these, and an exception's text may hold any of them
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The report as a document with one test case for each aspect; what was not checked is skipped."""
    suite = ElementTree.Element(
        "testsuite",
        name=_written(report.target),
        tests=str(len(report.results)),
        failures=str(report.count("failed")),
        errors="0",
        skipped=str(report.count("not checked")),
        time=f"{sum(result.seconds for result in report.results):.3f}",
    )
    for result in report.results:
        _add(suite, result)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: ElementTree.Element, result: Result) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=_written(result.subject), name=result.aspect, time=f"{result.seconds:.3f}"
    )
    if result.verdict == "not checked":
        ElementTree.SubElement(case, "skipped", message=_written(result.note))
    elif result.verdict == "failed":
        message = "; ".join(failure.promise for failure in result.failures)
        ElementTree.SubElement(case, "failure", message=_written(message)).text = _written(str(result))
    elif result.note:
        ElementTree.SubElement(case, "system-out").text = _written(result.note)


def _written(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
