"""`backhaul rehearse`: one ISP in a scratch database, its calendar run forward there, and a report.

`scratch` makes and drops the database, `stage` is the process that works in it: `copying` brings one ISP's rows,
`days` runs the periodic jobs by a clock of its own, `figures` watches what they do; `play` puts them together for the
command, `telling` prints.
"""
