"""Servers under measurement: started, watched through /proc and ended by their process id."""

import os
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """A measurement that could not be made."""


class Server:
    """A process that listens on a Unix socket, ended when the `with` block ends."""

    def __init__(self, name, command, socket_path, environment=None, cpus=None):
        self.name = name
        self.command = command
        self.socket_path = socket_path
        self.environment = environment
        self.cpus = cpus
        self.process = None

    def __enter__(self):
        self.start()
        self.wait_until_it_listens()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        self.log = open(self.socket_path + ".log", "w+b")
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(self.environment or {})},
        )
        if self.cpus is not None:
            self.pin(self.cpus)

    def wait_until_it_listens(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.socket_path)
                    return
            except OSError:
                time.sleep(0.01)
        raise Failure(f"{self.name} did not listen on {self.socket_path} within {seconds} s: {self.last_words()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)

    def last_words(self):
        self.log.seek(0)
        return self.log.read()[-400:].decode(errors="replace").strip()

    def pin(self, cpus):
        """Lets every thread that there is run on these CPUs only."""
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            os.sched_setaffinity(int(task), cpus)

    def cpu_nanoseconds(self):
        """The time that the threads which are alive spent on a CPU."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
            except FileNotFoundError:
                pass
        return total

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def resident_bytes(self):
        return self.memory("VmRSS")

    def anonymous_bytes(self):
        """What is resident without the pages of files, which the kernel takes away and brings back as it likes."""
        return self.memory("RssAnon")

    def memory(self, field):
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024
        raise Failure(f"{self.name} has no {field}")
