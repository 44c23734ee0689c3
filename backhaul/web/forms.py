"""Form fields of the console: amounts in minor units, Bangla digits, and the key that makes a double click one act."""

import uuid
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backhaul.common.errors import InvalidInput
from backhaul.common.money import format_minor, parse_minor
from backhaul.web.currency import decimals

BOUND = (date(1900, 1, 1), date(2999, 12, 31))  # days that pages take
BANGLA_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


def latin_digits(text: str) -> str:
    return text.translate(BANGLA_DIGITS)


class MoneyInput(forms.TextInput):
    """Tells the page with how many decimals to group what is typed: those of the currency when it is drawn."""

    is_money = True  # the field says in which currency

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        own = {"inputmode": "decimal", "autocomplete": "off", "data-money": str(decimals())}
        return own | super().build_attrs(base_attrs, extra_attrs)


class MoneyField(forms.CharField):
    """Typed as 1,500.00 (or ১,৫০০), kept as an int of minor units; zero and less are refused unless allowed."""

    def __init__(self, *, may_be_zero: bool = False, **options: Any) -> None:
        self.may_be_zero = may_be_zero
        super().__init__(**{"max_length": 40, "widget": MoneyInput(), **options})

    def prepare_value(self, value: Any) -> Any:
        return format_minor(value, decimals=decimals()) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            minor = parse_minor(text, decimals=decimals())
        except InvalidInput as refusal:
            raise ValidationError(refusal.message, code=refusal.code) from refusal
        if minor == 0 and not self.may_be_zero:
            raise ValidationError(_("The amount must be more than zero."), code="zero")
        return minor


class DayField(forms.DateField):
    """A day of the years that statements reach; 0226 or 20026 is a slip of the hand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options})

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and not BOUND[0] <= day <= BOUND[1]:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class PhoneField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"})
        super().__init__(**{"max_length": 20, "widget": widget, **options})

    def clean(self, value: Any) -> str:
        return latin_digits(super().clean(value)).replace(" ", "").replace("-", "")


class CoordinateField(forms.DecimalField):
    """A latitude or longitude in degrees, like 23.810300; optional. Whether it lies on the earth the domain says."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"required": False, "widget": widget, "localize": False, **options})

    def to_python(self, value: Any) -> Any:
        return super().to_python(latin_digits(value.strip()) if isinstance(value, str) else value)


class MapPlace(forms.Form):
    """A place on the map. Maps copy it as one text, "23.8103, 90.4125": in the first field it counts for both."""

    latitude = CoordinateField(
        label=pgettext_lazy("map", "Latitude"),
        help_text=_("Or both numbers as a map copies them: 23.8103, 90.4125"),
    )
    longitude = CoordinateField(label=pgettext_lazy("map", "Longitude"))

    def __init__(self, data: Any = None, *args: Any, **options: Any) -> None:
        super().__init__(data and _with_both(data), *args, **options)


def _with_both(data: QueryDict) -> QueryDict:
    both = data.get("latitude", "").split(",")
    if len(both) != 2 or data.get("longitude"):
        return data
    apart = data.copy()
    apart["latitude"], apart["longitude"] = both
    return apart


class KeyedForm(forms.Form):
    """A form that moves money or makes something: the same form sent twice carries the same `request_key`."""

    request_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
