"""What a question says about where to look, with nothing searched yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clause import FactoryLevel
from knowledge.question import Question, QuestionReader


class TestNamedStandards:
    @pytest.mark.parametrize(
        ("text", "standards"),
        [
            ("工信部的指南怎么说", ("MIIT",)),
            ("《制造业企业人工智能应用指南》第十五条", ("MIIT",)),
            ("山东那个产业大脑怎么建", ("SDIB",)),
            ("苏标的在线检测", ("JSSF",)),
            ("T/ISC 里的数字化诊断", ("TISC",)),
            ("Ｔ／ＩＳＣ 里的数字化诊断", ("TISC",)),
            ("桂标的对接成功率", ("GXDSL",)),
            ("广西团标的对接成功率", ("GXDSL",)),
            ("团标的运营要求", ("TISC",)),
            ("设备联网率怎么算", ()),
        ],
    )
    def test_by_any_of_their_names(self, reader: QuestionReader, text: str, standards: tuple[str, ...]) -> None:
        assert reader.read(text).standards == standards

    def test_several_in_the_order_of_mention(self, reader: QuestionReader) -> None:
        assert reader.read("江苏和山东、工信部怎么看数据").standards == ("JSSF", "SDIB", "MIIT")

    def test_a_longer_name_is_not_read_as_a_shorter_one_inside_it(self, reader: QuestionReader) -> None:
        assert reader.read("T/GXDSL 142 的附录").standards == ("GXDSL",)

    @pytest.mark.parametrize("text", ["工信布的指南第十五条", "工信布(部)的指南第十五条", "工信布（部）的指南第十五条"])
    def test_by_their_sound(self, reader: QuestionReader, text: str) -> None:
        question = reader.read(text)
        assert question.standards == ("MIIT",)
        assert question.addresses == ("MIIT-15",)

    @pytest.mark.parametrize("text", ["攻心部署怎么做", "将苏打粉入库", "攻信不署"])
    def test_other_words_of_the_same_sound_are_other_words(self, reader: QuestionReader, text: str) -> None:
        assert reader.read(text).standards == ()


class TestNegatedMentions:
    @pytest.mark.parametrize("text", ["不是江苏的那份，是广西的资源共享", "别跟江苏搞混，我问广西的资源共享"])
    def test_what_is_not_meant_is_shunned(self, reader: QuestionReader, text: str) -> None:
        question = reader.read(text)
        assert question.standards == ("GXDSL",)
        assert question.shunned == ("JSSF",)

    def test_what_is_named_and_negated_is_named(self, reader: QuestionReader) -> None:
        question = reader.read("江苏的在线检测，不是江苏的入门那档")
        assert question.standards == ("JSSF",)
        assert question.shunned == ()

    def test_a_remark_about_confusion_is_not_searched_for(self, reader: QuestionReader) -> None:
        assert "混" not in reader.read("别和山东的产业大脑搞混。广西的资源共享清单要有哪些内容？").search_text


class TestLevels:
    @pytest.mark.parametrize(
        ("text", "wanted", "current"),
        [
            ("先进级的在线检测要做到什么程度", ["先进"], None),
            ("先近级的在线检测要做到什么程度", ["先进"], None),
            ("先近(进)级的在线检测", ["先进"], None),
            ("卓悦级的在线检测要做到什么程度", ["卓越"], None),
            ("江苏最高档的在线检测", ["领航"], None),
            ("江苏场景里基础和领航那档差在哪", ["基础", "领航"], None),
            ("现在是基础级，想冲先进级", ["先进"], "基础"),
            ("我们目前基础级，目标卓越级", ["卓越"], "基础"),
            ("现在基础级，想上一个台阶要做什么", ["先进"], "基础"),
            ("现在车间级，想一路冲到卓越级，中间每一级要做什么", ["基础", "先进", "卓越"], "车间"),
            ("已经是领航级了，再往上呢", ["领航"], "领航"),
            ("现在卓越级，要保住要做什么", ["卓越"], "卓越"),
        ],
    )
    def test_wanted_and_current(self, reader: QuestionReader, text: str, wanted: list[FactoryLevel], current: FactoryLevel | None) -> None:
        question = reader.read(text)
        assert (list(question.levels), question.current_level) == (wanted, current)

    @pytest.mark.parametrize("text", ["先进的设备怎么选", "基础数据怎么管", "卓越绩效是什么", "车间的在线检测"])
    def test_the_same_words_in_other_uses_are_no_levels(self, reader: QuestionReader, text: str) -> None:
        assert reader.read(text).levels == ()

    def test_a_step_up_from_an_unnamed_level(self, reader: QuestionReader) -> None:
        question = reader.read("在线检测想再上一级要补什么")
        assert question.step_up
        assert question.levels == ()


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "addresses"),
        [
            ("工信部指南第十五条", ("MIIT-15",)),
            ("工信部指南第15条", ("MIIT-15",)),
            ("工信部指南第１５条", ("MIIT-15",)),
            ("工信部指南（十五）", ("MIIT-15",)),
            ("工信部指南第二十四条和第二十五条", ("MIIT-24", "MIIT-25")),
            ("TISC 7.3.1 b)", ("TISC-7.3.1-b",)),
            ("T/ISC 7.3.1 b", ("TISC-7.3.1-b",)),
            ("T/ISC 7.3.1-b", ("TISC-7.3.1-b",)),
            ("T/ISC 的 7.3.1 第b项", ("TISC-7.3.1-b",)),
            ("T/ISC 的 7.3.1 a) 和 b)", ("TISC-7.3.1-a",)),
            ("7.2.1 e 说了什么", ("TISC-7.2.1-e",)),
            ("广西 7.2-6", ("GXDSL-7.2-6",)),
            ("广西第7.2条", ("GXDSL-7.2",)),
            ("广西附录A.3-5", ("GXDSL-A.3-5",)),
            ("山东附录A", ("SDIB-A",)),
            ("T/ISC 附录 A2 a.1-1 的公式", ("TISC-A2-a.1-1",)),
            ("江苏场景9", ("JSSF-09",)),
            ("江苏第 9 个场景", ("JSSF-09",)),
            ("JSSF-09-先进 是什么", ("JSSF-09-先进",)),
            ("请打开 tisc-7.3.1-b", ("TISC-7.3.1-b",)),
            ("山东附录Z", ()),
            ("T/ISC 99.9.9", ()),
            ("工信部指南第九十九条", ()),
            ("投了2.5万元", ()),
            ("2025.11.18 发布的", ()),
        ],
    )
    def test_in_any_form(self, reader: QuestionReader, text: str, addresses: tuple[str, ...]) -> None:
        assert reader.read(text).addresses == addresses

    def test_an_address_without_a_standard_is_looked_up_in_all(self, reader: QuestionReader) -> None:
        assert set(reader.read("6.2.1 a 是什么").addresses) == {"SDIB-6.2.1-a", "TISC-6.2.1-a"}


class TestParts:
    @pytest.mark.parametrize(
        "text",
        [
            "设备联网率怎么算？库存周转天数怎么算？",
            "①设备联网率怎么算②库存周转天数怎么算",
            "设备联网率怎么算；库存周转天数怎么算",
            "设备联网率怎么算，另外库存周转天数怎么算",
        ],
    )
    def test_each_matter_is_a_part(self, reader: QuestionReader, text: str) -> None:
        parts = reader.read(text).parts
        assert len(parts) == 2
        assert "联网率" in parts[0]
        assert "周转天数" in parts[1]

    def test_one_matter_has_no_parts(self, reader: QuestionReader) -> None:
        assert reader.read("设备联网率怎么算？").parts == ()

    @pytest.mark.parametrize("text", ["江苏和山东对数据的要求有什么不同", "①联网率②周转天数各怎么算", "一是联网率，二是周转天数"])
    def test_wording_that_wants_several_clauses(self, reader: QuestionReader, text: str) -> None:
        assert reader.read(text).several

    def test_of_several_standards_each_gets_what_is_asked_of_it(self, reader: QuestionReader) -> None:
        question = reader.read("江苏怎么要求在线检测，山东怎么要求数据汇聚，各有什么目标")
        assert question.standards == ("JSSF", "SDIB")
        of_jiangsu, of_shandong = question.parts
        assert "在线检测" in of_jiangsu
        assert "数据汇聚" not in of_jiangsu
        assert "数据汇聚" in of_shandong
        assert "在线检测" not in of_shandong
        assert "目标" in of_jiangsu
        assert "目标" in of_shandong


class TestSearchText:
    def test_names_and_fillers_are_dropped(self, reader: QuestionReader) -> None:
        assert reader.read("请问工信部的指南里头，数据标注要怎么做").search_text.strip(" ,的") == "指南 ,数据标注要怎么做"

    @pytest.mark.parametrize("text", ["工信部呢", "请问", "T/ISC"])
    def test_when_nothing_is_left_the_whole_text_is_searched_for(self, reader: QuestionReader, text: str) -> None:
        assert reader.read(text).search_text == text


class TestFollowUps:
    def test_a_turn_that_leans_takes_the_standard_and_the_subject(self, reader: QuestionReader) -> None:
        question = reader.read("它的权重是多少", ["山东的数据汇聚平台有什么要求"])
        assert question.standards == ("SDIB",)
        assert "数据汇聚平台" in question.context
        assert question.elliptical

    def test_another_level_of_the_same(self, reader: QuestionReader) -> None:
        question = reader.read("那卓越级呢？", ["先进级的在线检测要做到什么程度？"])
        assert question.levels == ("卓越",)
        assert "在线检测" in question.context

    def test_a_chain_of_turns_keeps_its_subject(self, reader: QuestionReader) -> None:
        question = reader.read("再上一档呢", ["江苏在线检测先进级要求？", "那卓越级呢？"])
        assert question.standards == ("JSSF",)
        assert question.levels == ("领航",)
        assert "在线检测" in question.context

    def test_a_turn_that_names_another_standard_moves_there(self, reader: QuestionReader) -> None:
        assert reader.read("那广西呢", ["山东的数据汇聚有什么要求"]).standards == ("GXDSL",)

    def test_a_turn_that_drops_a_standard_does_not_keep_it(self, reader: QuestionReader) -> None:
        assert reader.read("那不是山东的呢", ["山东的数据汇聚有什么要求"]).standards == ()

    def test_a_turn_with_a_subject_of_its_own_stands_alone(self, reader: QuestionReader) -> None:
        question = reader.read("采购成本下降率的计算公式是什么样的，分子分母分别是什么？", ["山东的数据汇聚平台要求"])
        assert (question.standards, question.context) == ((), "")


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=3))
def test_any_words_can_be_read(reader: QuestionReader, text: str, earlier: list[str]) -> None:
    assert isinstance(reader.read(text, earlier), Question)


@given(
    st.lists(
        st.sampled_from(
            [
                "江苏",
                "工信布",
                "先近级",
                "现在",
                "不是",
                "附录A",
                "第十五条",
                "7.3.1",
                "b)",
                "①",
                "？",
                "那",
                "呢",
                "山东",
                "上一档",
                "每一级",
            ]
        ),
        max_size=12,
    )
)
def test_any_jumble_of_its_words_can_be_read(reader: QuestionReader, words: list[str]) -> None:
    question = reader.read("".join(words), ["".join(reversed(words))])
    assert not set(question.standards) & set(question.shunned)
