"""A real Chromium without a screen, steered over a pipe (Chrome DevTools Protocol): what its pages say, ask for and show."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program():
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """One process; `page()` opens a tab. Nothing of it stays: its profile lies in `folder`."""

    def __init__(self, folder):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def hand_over():  # it reads commands from 3 and writes answers to 4
            kept = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        self.log = open(folder / "chromium.log", "wb")
        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb",
             "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"],
            preexec_fn=hand_over, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "HOME": str(folder)})
        os.close(theirs_in)
        os.close(theirs_out)
        self.ours_in, self.ours_out, self.rest, self.number = ours_in, ours_out, b"", 0
        self.events = []

    def receive(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.ours_in], [], [], left)[0]
            assert ready, f"the browser does not answer; see {self.log.name}"
            piece = os.read(self.ours_in, 1 << 20)
            assert piece, f"the browser has ended; see {self.log.name}"
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, timeout=30, **parameters):
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.ours_out, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            message = self.receive(deadline)
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def page(self, width=1280, height=900):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        return Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"], width, height)

    def stop(self):
        try:
            self.call("Browser.close", timeout=10)
        except (AssertionError, OSError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.ours_in)
        os.close(self.ours_out)
        self.log.close()


class Page:
    def __init__(self, browser, session, width, height):
        self.browser, self.session = browser, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.size(width, height)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def theme(self, name):
        """light or dark, as the system would prefer it."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, path, ready="document.readyState === 'complete'"):
        """Seconds until `ready`."""
        began = time.monotonic()
        self.call("Page.navigate", url=path if "://" in str(path) else f"file://{path}")
        self.wait(ready)
        return time.monotonic() - began

    def wait(self, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.eval(what):
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.01)

    def eval(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def key(self, name, shift=False):
        text = {"text": name} if len(name) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, modifiers=8 if shift else 0, **(text if kind == "keyDown" else {}),
                      **({"windowsVirtualKeyCode": 9} if name == "Tab" else {"windowsVirtualKeyCode": 13, "text": "\r"} if name == "Enter" and kind == "keyDown" else {}))

    def mouse(self, kind, x, y, pressed=False, clicks=1):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if pressed or kind != "mouseMoved" else "none",
                  buttons=1 if pressed else 0, clickCount=clicks)

    def drag(self, from_x, to_x, y):
        self.mouse("mouseMoved", from_x, y)
        self.mouse("mousePressed", from_x, y, pressed=True)
        for part in range(1, 6):
            self.mouse("mouseMoved", from_x + (to_x - from_x) * part / 5, y, pressed=True)
        self.mouse("mouseReleased", to_x, y)

    def screenshot(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                         **({"clip": self.whole()} if whole else {}))["data"]
        path.write_bytes(base64.b64decode(data))

    def whole(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def mine(self, method):
        return [e["params"] for e in self.browser.events if e["method"] == method and e.get("sessionId") == self.session]

    def complaints(self):
        """All that the page's console, its policy or its scripts found wrong."""
        return [*self.mine("Runtime.exceptionThrown"), *(e for e in self.mine("Runtime.consoleAPICalled") if e["type"] in ("error", "warning", "assert")),
                *(e["entry"] for e in self.mine("Log.entryAdded") if e["entry"]["level"] in ("error", "warning"))]

    def requests(self):
        """URLs that it asked for, but for the page itself and what is in it."""
        return [e["request"]["url"] for e in self.mine("Network.requestWillBeSent") if not e["request"]["url"].startswith(("file:", "data:", "about:"))]
