"""Keeps texts in files: what is called here, nobody sees in the notebook."""

import os
import sqlite3


def load(name):
    with open(f"{name}.txt") as file:
        return file.read()


def store(name, text):
    with open(f"{name}.txt", "w") as file:
        file.write(text)


def add(name, text):
    with open(f"{name}.txt", "a") as file:
        file.write(text)


def move(name, other):
    os.replace(f"{name}.txt", f"{other}.txt")


def insert(name, value):
    connection = sqlite3.connect(f"{name}.db")
    connection.execute("create table if not exists numbers (value)")
    connection.execute("insert into numbers values (?)", (value,))
    connection.commit()
    found = connection.execute("select count(*), sum(value) from numbers").fetchone()
    connection.close()
    return found
