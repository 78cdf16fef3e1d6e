"""Past prices of vendors to which minimill does not speak: read for comparison, never for a call.

`Catalog` knows nothing of them, so that none can be a candidate. It may import `_errors` and its siblings.
"""

import functools
from collections.abc import Mapping
from typing import Any

from pydantic_core import ValidationError

from minimill._errors import CatalogError, UnknownModelError
from minimill.catalog._checks import name_faults, price_faults
from minimill.catalog._convert import past_vendor_of
from minimill.catalog._entries import PastVendorEntry
from minimill.catalog._faults import Fault, faults_of, nearest, problem
from minimill.catalog._files import history_folder, past_ids, read_toml
from minimill.catalog._shape import validator
from minimill.catalog._types import PastVendor


def past_vendor_ids() -> list[str]:
    """Ids of vendors of whom minimill keeps past prices only. No file is read.

    Models that a vendor in use no longer sells are in that vendor's own file, with the status `retired`.
    """
    return past_ids()


@functools.cache
def load_past_vendor(vendor_id: str) -> PastVendor:
    """The past prices of the vendor of that id, read once.

    Raises:
        UnknownModelError: there is none; the text offers the nearest.
        CatalogError: its file is wrong.
    """
    if vendor_id not in past_ids():
        hint = nearest(vendor_id, past_ids())
        raise UnknownModelError(f'no past prices are kept of a vendor "{vendor_id}"{hint}')
    path = history_folder() / f"{vendor_id}.toml"
    name = f"providers/history/{path.name}"
    return checked_past_vendor(read_toml(path, name, CatalogError), name, vendor_id)


def checked_past_vendor(raw: Mapping[str, Any], name: str, vendor_id: str) -> PastVendor:
    """The vendor that the tables of a file of past prices say.

    Raises:
        CatalogError: something is wrong; one line that begins with `name`.
    """
    try:
        entry: PastVendorEntry = validator(PastVendorEntry).validate_python(raw)
    except ValidationError as error:
        raise problem(name, faults_of(error, PastVendorEntry), CatalogError) from None
    faults = list(name_faults(entry.models))
    for number, model in enumerate(entry.models):
        if not model.prices:
            faults.append(Fault(("models", number, "prices"), "expected a price; it is all that is kept"))
        faults += price_faults(model.prices, ("models", number))
    if entry.id != vendor_id:
        text = f'expected the name of the file, "{vendor_id}", found "{entry.id}"'
        faults.insert(0, Fault(("id",), text))
    if faults:
        raise problem(name, faults, CatalogError)
    return past_vendor_of(entry)
