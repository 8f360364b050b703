#!/usr/bin/env python3
"""Usage: scripts/page_recall.py QUERIES.jsonl [K]

For how many questions the right page is among the first K hits (default 10) of `workerctl search`. QUERIES.jsonl has one
object a line: {"text": question, "gold": [[file name, page], ...]}. The documents must have been ingested.
"""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
workerctl = os.path.join(root, ".build", "release", "workerctl")
questions = [json.loads(line) for line in open(sys.argv[1])]
k = int(sys.argv[2]) if len(sys.argv) > 2 else 10


def found(question):
    answer = subprocess.run(
        [workerctl, "search", question["text"], "--k", str(k), "--json"], capture_output=True, text=True, check=True
    )
    for hit in json.loads(answer.stdout)["hits"]:
        name = os.path.basename(hit["uri"])
        if any(name == doc and hit["page_from"] <= page <= hit["page_to"] for doc, page in question["gold"]):
            return hit["rank"]
    return None


with ThreadPoolExecutor(2) as pool:
    ranks = list(pool.map(found, questions))
hits = [rank for rank in ranks if rank]
print(json.dumps({
    "questions": len(ranks), "k": k, "right_page": round(len(hits) / len(ranks), 4),
    "first": round(sum(rank == 1 for rank in hits) / len(ranks), 4),
    "mrr": round(sum(1 / rank for rank in hits) / len(ranks), 4),
}))
