"""The engine on a warehouse: the same questions, answered where the events lie.

    address ──▶ session ──▶ table ──▶ sessions ──▶ stages ──▶ starts ──▶ units ──▶ answers
    (where)     (a server)  (events)  (journeys)   (rows)     (attempts)  (depths)

Each question is one Ibis expression; only its answer travels. Ibis is imported here and nowhere
else, and here only when a warehouse is opened: `core.warehouse.address` is free of it.
"""
