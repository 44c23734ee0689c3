"""Forms of people and roles: who signs in, and ticks of the permission tree."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.operators.choices import Permission
from backhaul.operators.rules import TREE, in_modules
from backhaul.web.console.customer_forms import suggest_password

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


@dataclass(frozen=True)
class Tick:
    """One check box: whether it is ticked, whether whoever asks may change it, and what else there is to say."""

    permission: Permission
    ticked: bool
    fixed: bool
    note: Any = ""


class TreeForm(forms.Form):
    """Ticks of the permission tree. `offered`: what is shown; `mine`: what whoever asks may change, the rest stays as
    it is; `ticked`: what is ticked now; `notes`: what to say beside a box."""

    permissions = forms.MultipleChoiceField(label=_("May do"), required=False)

    def __init__(
        self,
        *args: Any,
        offered: Collection[str],
        mine: Collection[str],
        ticked: Collection[str] = (),
        notes: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.offered, self.mine, self.ticked = set(offered), set(mine) & set(offered), set(ticked) & set(offered)
        self.notes = notes or {}
        field = self.fields["permissions"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, TREE[name].label) for name in sorted(self.mine)]
        self.initial["permissions"] = sorted(self.ticked & self.mine)

    def tree(self) -> Iterator[tuple[Any, list[Tick]]]:
        """The modules with their boxes, as they were sent or as they are."""
        shown = set(self["permissions"].value() or ()) | (self.ticked - self.mine)
        for module, permissions in in_modules(self.offered):
            ticks = [
                Tick(each, each.name in shown, each.name not in self.mine, self.notes.get(each.name, ""))
                for each in permissions
            ]
            yield module, ticks

    def wanted(self) -> set[str]:
        """What is to be ticked from now on."""
        return set(self.cleaned_data["permissions"]) | (self.ticked - self.mine)


class RoleForm(TreeForm):
    name = forms.CharField(label=_("Name of the role"), max_length=60)
    keeps_drawer = forms.BooleanField(
        label=_("Keeps a drawer"),
        required=False,
        help_text=_("Cash that its people take is in their hands until somebody receives it."),
    )

    def __init__(self, *args: Any, named: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not named:
            del self.fields["name"]


class AccessForm(TreeForm):
    role = forms.ChoiceField(label=_("Role"), help_text=_("What people of this role may do, this person may do."))


class PersonForm(forms.Form):
    full_name = forms.CharField(label=_("Name"), max_length=120)
    login = forms.CharField(label=_("Sign-in name"), max_length=60, widget=forms.TextInput(attrs=PLAIN))
    role = forms.ChoiceField(label=_("Role"))
    password = forms.CharField(
        label=_("First password"),
        initial=suggest_password,
        help_text=_("It must be changed at the first sign-in."),
        widget=forms.TextInput(attrs=PLAIN),
    )


class FirstPasswordForm(forms.Form):
    password = forms.CharField(
        label=_("New first password"),
        initial=suggest_password,
        help_text=_("Tell it to the person; it must be changed at the next sign-in."),
        widget=forms.TextInput(attrs=PLAIN),
    )
