"""Long work of the person who asks: what runs, how far it is, how it ended; and the bell that tells of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from backhaul.operators.progress import count_jobs, get_job, list_jobs, mark_seen, start_progress, want_mail
from backhaul.web.console.pages import SIGNED_IN, PageRequest, page, show


@page(SIGNED_IN)
def jobs(request: PageRequest) -> HttpResponse:
    """GET, POST progress/: one's own work of the last 30 days; POST: all that has ended was seen."""
    if request.method == "POST":
        mark_seen(now=request.now)
        return bell_of(request)
    found = list_jobs()
    return show(
        request, "jobs", {"jobs": found, "unseen": any(job["finished_at"] and not job["seen_at"] for job in found)}
    )


@page(SIGNED_IN)
def job(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST progress/<id>/: one piece of work. Asks for itself again until it has ended; POST: its end was seen, or
    (`mail`) whether its end is told by mail.
    """
    found = get_job(pk)
    if request.POST.get("mail") in ("yes", "no"):
        want_mail(job_id=pk, wanted=request.POST["mail"] == "yes")
        return show(request, "job", {"job": get_job(pk)})
    if request.method == "POST":
        mark_seen(now=request.now, job_id=pk)
        return bell_of(request)
    return show(request, "job", {"job": found})


@page(SIGNED_IN)
def bell(request: PageRequest) -> HttpResponse:
    """GET progress/bell/: the bell of the top bar."""
    return bell_of(request)


def follow(request: PageRequest, task: str, label: str, *, key: str, page: tuple[str, int]) -> None:
    """Work that this request left to a job is followed by the bell; `page`: where its own page is, as name and id."""
    start_progress(task=task, label=label, now=request.now, key=key, link=reverse(page[0], args=[page[1]]))


def bell_of(request: PageRequest) -> HttpResponse:
    return show(request, "bell", {"jobs": count_jobs()})
