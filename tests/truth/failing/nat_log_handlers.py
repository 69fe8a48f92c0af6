# case: nat_log_handlers
# packages: loguru
# shows: log files beside the project, by several roads
# conditions: roroot lambdapw docker
# cause.test_file_handler: library=-|logging dimension=root
# cause.test_dict_config: library=-|logging dimension=root
# cause.test_rotating: library=-|logging dimension=root
# cause.test_loguru: library=loguru|- dimension=root
# cause.test_delayed: library=-|logging dimension=root
# cause.test_basic_config: library=-|logging dimension=root
# cause.test_var_log: library=-|logging dimension=root
import logging
import logging.config
import logging.handlers
import os

from loguru import logger


def test_file_handler():
    logging.FileHandler("app.log").close()


def test_dict_config():
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"file": {"class": "logging.FileHandler", "filename": "logs.txt"}},
            "loggers": {"billing": {"handlers": ["file"]}},
        }
    )


def test_rotating():
    os.makedirs("logs", exist_ok=True)
    handler = logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=1000, backupCount=1)
    handler.close()


def test_loguru():
    number = logger.add("loguru.log", rotation="1 MB")
    logger.remove(number)


def test_delayed(capsys):
    """Handlers print what goes wrong and go on."""
    log = logging.getLogger("billing.delayed")
    handler = logging.FileHandler("delayed.log", delay=True)
    log.addHandler(handler)
    log.warning("first")
    log.removeHandler(handler)
    handler.close()
    with open("delayed.log") as file:
        assert "first" in file.read()


def test_basic_config():
    logging.basicConfig(filename="root.log", force=True)
    logging.basicConfig(force=True)


def test_var_log():
    with open("/var/log/acme-billing.log", "a"):
        pass
    os.unlink("/var/log/acme-billing.log")
