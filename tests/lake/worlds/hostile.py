"""Awkward values of every kind, each legal JSON, drawn from a seeded generator."""

from datetime import datetime, timedelta, timezone

from .text import Raw

SHANGHAI = timezone(timedelta(hours=8))
WORDS = ("退款 发票 物流 登录 密码 订单 客服 投诉 咨询 安装 保修 换货 优惠券 会员 支付 失败 无法 打开 页面 报错 请 尽快 处理 谢谢 "
         "hello world order-1024 iPhone6 <b>急</b>").split()
ODD_TEXTS = [
    "", " ", "  两边有空格  ", "第一行\r\n第二行\r\n", "制表\t符", '引号" 反斜线\\ 斜线/', "表情😀👨‍👩‍👧", "半个\ud83d代理", "\udc00尾",
    "零宽\u200b与\u2028分行", "控制\x01\x1f字符\x7f", "NULL", "null", "[]", "{}", "0000-00-00 00:00:00", "𠮷野家", "é́ combining",
    "a" * 300, "'; DROP TABLE tickets; --", "=cmd|' /C calc'!A0", "\ufeffBOM", "http://例子.测试/?a=1&sign=x", "true", "0", "NaN",
]
WRONG_FOR_INTEGER = ["abc", "12.0", " 7", "7 ", "1e3", "9223372036854775808", Raw("9223372036854775808"), Raw("1.0"), Raw("1E2"),
                     True, False, [], {}, [1], {"a": Raw("1.10")}, "１２", "--1", "0x10", "+"]
GOOD_INTEGERS = ["007", "+5", "-3", Raw("-0"), Raw("9007199254740993"), "9223372036854775807", Raw("-9223372036854775808"), ""]
WRONG_FOR_INSTANT = ["yesterday", "2016-13-01 00:00:00", "2016-02-30", "2016-01-01 24:00:00", "2016-01-01 10:61", "0999-12-31 00:00:00", "1000-01-01 00:00:00", "9999-12-31 23:59:59 -0800",
                     "2016/01/01 10:00:00", Raw("146971"), "146971", Raw("14697098480"), Raw("-1469709848"), True, [], {},
                     "2016-01-01 10:00:00 CST", "2016-1-1 1:00:00", " 2016-01-01", "2016-01-01 10", Raw("1469709848.5"), "16-01-01"]
GOOD_INSTANTS = ["", None, "0000-00-00 00:00:00", "0000-00-00", "2016-07-28", "2016-07-28T20:44:08", "2016-07-28 20:44", "2016-07-28T20:44:08Z",
                 "2016-07-28 20:44:08 +0800", "2016-07-28T20:44:08.5+08:00", "2016-07-28 20:44:08.123456", "2016-07-28 20:44:08 -03:30",
                 Raw("1469709848"), "1469709848", "1988-09-11 01:30:00", "1988-04-17 02:30:00", "2000-02-29 23:59:59", "9000-01-01 00:00:00", "9999-12-31 23:59:59", "1000-01-01T00:00:00Z",
                 "2016-07-28 20:44:08Z", "2016-07-28 20:44:08 Z", "2016-07-28 23:30:00 -0800"]


def maybe(rng, chance, odd, plain):
    """One of `odd` with the given chance, else `plain`."""
    return rng.choice(odd) if rng.random() < chance else plain


def sentence(rng, words):
    return "".join(rng.choice(WORDS) for _ in range(words))


def text(rng, chance, words=4):
    return maybe(rng, chance, ODD_TEXTS, sentence(rng, words))


def odd_text_value(rng):
    """What a text column may get that is no string."""
    return rng.choice([None, "", Raw("13.50"), Raw("1e5"), True, False, Raw("100000000000000000000"), *ODD_TEXTS])


def wrong_text_value(rng):
    return rng.choice([[], {}, ["a", Raw("1.0")], {"k": "v/斜", "n": Raw("1.50"), "z": None, "a": [True]}])


def integer(rng, chance, plain):
    if rng.random() < chance:
        return rng.choice(WRONG_FOR_INTEGER if rng.random() < 0.5 else GOOD_INTEGERS)
    return str(plain) if rng.random() < 0.1 else plain


def instant(rng, chance, plain):
    if rng.random() < chance:
        return rng.choice(WRONG_FOR_INSTANT if rng.random() < 0.4 else GOOD_INSTANTS)
    return plain


def local_text(epoch):
    """Epoch seconds as the zoneless text of Shanghai."""
    return datetime.fromtimestamp(epoch, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def same_moment(rng, epoch):
    """One moment in the many forms in which a vendor may write it."""
    moment = datetime.fromtimestamp(epoch, SHANGHAI)
    return rng.choice([
        moment.strftime("%Y-%m-%dT%H:%M:%S"),
        moment.strftime("%Y-%m-%d %H:%M:%S +0800"),
        moment.strftime("%Y-%m-%dT%H:%M:%S+08:00"),
        moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.astimezone(timezone(timedelta(hours=-3, minutes=-30))).strftime("%Y-%m-%d %H:%M:%S -0330"),
        str(epoch),
        Raw(epoch),
    ])


def day(rng, epoch):
    return datetime.fromtimestamp(epoch, SHANGHAI).strftime("%Y-%m-%d")


WRONG_FOR_DATE = ["2016-02-30", "2016-07-28 00:00:01", "28.07.2016", Raw("20160728"), Raw("1469709848"), "1469709848", True, [], {}, "2016-07", "0000-01-01"]
GOOD_DATES = ["", None, "0000-00-00", "0000-00-00 00:00:00", "2016-07-28 00:00:00", "1000-01-01", "9999-12-31", "2000-02-29"]
WRONG_FOR_DECIMAL = ["1,5", ".5", "5.", "1e999", "NaN", "inf", True, [], {}, " 1", "1 ", "0x1p3", Raw("1e400")]
GOOD_DECIMALS = ["", None, Raw("1.50"), "13.33", "-0.0", "1e5", "1E-7", Raw("1.7976931348623157e308"), "007.5", "+2.5", Raw("-0"), "0.1", Raw("123456789012345678901234567890")]
WRONG_FOR_BOOL = ["yes", "TRUE", Raw("2"), "是", [], {}, "on", Raw("1.0")]
GOOD_BOOLS = ["", None, True, False, Raw("1"), Raw("0"), "1", "0", "true", "false"]
WRONG_FOR_TIME = ["24:00:00", "12:60", "noon", Raw("1230"), True, [], {}, "1:02:03", "12:00:00Z"]
GOOD_TIMES = ["", None, "00:00", "23:59:59", "14:44:36", "14:44:36.5", "09:08"]


def pick(rng, chance, wrong, good, plain):
    """A wrong or a good awkward value with the given chance (three in ten of them wrong), else `plain`."""
    if rng.random() < chance:
        return rng.choice(wrong if rng.random() < 0.3 else good)
    return plain
