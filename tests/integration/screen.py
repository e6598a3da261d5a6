"""What a person sees of a program: a small terminal that interprets what pelt's progress sends.

Rows are cut where a real terminal would wrap, and that is noted: a progress block that wraps is a block that
can no longer be redrawn in place.
"""
import re

CONTROL = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    def __init__(self, columns):
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0
        self.wrapped = []   # rows that were longer than the window
        self.colours = 0    # SGR sequences other than reset
        self.redraws = 0    # cursor moved up
        self.unknown = []   # control sequences that this terminal does not know

    def resize(self, columns):
        """As a terminal does that does not reflow: what is there is cut."""
        self.columns = columns
        self.rows = [row[:columns] for row in self.rows]

    def feed(self, text):
        at = 0
        while at < len(text):
            match = CONTROL.match(text, at)
            if match:
                self._control(*match.groups())
                at = match.end()
            else:
                self._character(text[at])
                at += 1

    def _character(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.row += 1
            self.column = 0
            while len(self.rows) <= self.row:
                self.rows.append("")
        elif c >= " ":
            line = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = line[:self.column] + c + line[self.column + 1:]
            self.column += 1
            if self.column > self.columns:
                self.wrapped.append(self.rows[self.row])

    def _control(self, private, digits, letter):
        count = int(digits.split(";")[0] or 1) if digits.replace(";", "").isdigit() or not digits else 1
        if private:  # cursor shown or hidden, wrapping on or off
            return
        if letter == "A":
            self.row = max(0, self.row - count)
            self.redraws += 1
        elif letter == "F":
            self.row, self.column = max(0, self.row - count), 0
            self.redraws += 1
        elif letter == "B":
            self.row += count
            self._grow()
        elif letter == "G":
            self.column = count - 1
        elif letter == "K":
            self.rows[self.row] = self.rows[self.row][:self.column] if digits in ("", "0") else ""
        elif letter == "J":
            self.rows[self.row] = self.rows[self.row][:self.column]
            del self.rows[self.row + 1:]
        elif letter == "m":
            self.colours += digits not in ("", "0")
        else:
            self.unknown.append(f"{private}{digits}{letter}")

    def _grow(self):
        while len(self.rows) <= self.row:
            self.rows.append("")

    def shown(self):
        return [row.rstrip() for row in self.rows if row.strip()]
