//! The words of `ticketlake report`, on the terminal and on the page.

use super::messages;

messages! {
    // on top
    TITLE: "Help desk report", "客服工单报告";
    AT: "{at} ({zone})", "{at}（{zone}）";
    ALL_TICKETS: "All tickets", "全部工单";
    SINCE: "Tickets created since {since}", "{since}起创建的工单";
    UNTIL: "Tickets created before {until}", "{until}之前创建的工单";
    BETWEEN: "Tickets created from {since} to {last}", "{since}至{last}创建的工单";
    IN_LAKE: "{what} · lake: {lake}", "{what} · 数据湖：{lake}";
    DELETED: "{n} ticket deleted at the source is left out.|{n} tickets deleted at the source are left out.", "已在源端删除的 {n} 张工单不计入。";
    NO_LAKE: "There is no lake at {lake} yet. Make it with `ticketlake sync`.", "{lake} 还没有数据湖，请先运行 `ticketlake sync`。";
    INCOMPLETE: "This lake is incomplete. Figures may be too low.", "数据湖不完整，以下数字可能偏低。";
    NEVER_COMPLETE: "{source}: never read completely", "{source}：尚未完整读取过";
    LAST_RUN_WAS: "{source}: the last run is {outcome}", "{source}：最近一次运行{outcome}";
    MISSING: "{source}: {n} ticket is missing|{source}: {n} tickets are missing", "{source}：缺少 {n} 张工单";
    RECENT: "{n} day to {last}, against the day before|{n} days to {last}, against the {n} days before", "截至 {last}的 {n} 天，与之前 {n} 天对比";
    BELOW: "Everything below is about all tickets.", "以下内容统计全部工单。";
    BEFORE: "before: {value}", "之前：{value}";
    POINTS: "{n} points", "{n} 个百分点";
    MADE_BY: "Made by ticketlake {version}. Charts: Apache ECharts, Apache License 2.0.", "由 ticketlake {version} 生成。图表：Apache ECharts，Apache License 2.0 许可。";

    // sections
    OVERVIEW: "Overview", "概览";
    BY: "By {column}", "按{column}";
    CREATED: "Tickets created", "新建工单";
    HOURS: "Tickets by hour of the week", "一周各时段的新建工单";
    BACKLOG: "Backlog: open tickets at the end of the day", "积压：每日结束时未完成的工单";
    STATUSES: "Tickets by status", "按状态统计";
    PRIORITIES: "Tickets by priority", "按优先级统计";
    SLA: "SLA", "SLA 达标情况";
    PAUSES: "SLA pauses by reason", "SLA 暂停原因";
    SATISFACTION: "Satisfaction", "满意度";
    TAGS: "Tags", "标签";
    OPTIONS: "Options chosen in select fields", "选项字段的取值";
    FIELDS: "How well custom fields are filled", "自定义字段填写率";
    RESCUED: "Values that did not fit their column", "与列类型不符的值";
    FRESHNESS: "How fresh the data is", "数据更新情况";

    // columns
    SOURCE: "source", "数据源";
    TICKETS: "tickets", "工单";
    OPEN: "open", "未完成";
    FIRST_ASSIGNMENT: "first assignment, median", "首次受理用时，中位数";
    FIRST_ASSIGNMENT_P90: "first assignment, 90th percentile", "首次受理用时，第 90 百分位";
    RESOLUTION: "resolution, median", "解决用时，中位数";
    RESOLUTION_P90: "resolution, 90th percentile", "解决用时，第 90 百分位";
    ATTAINMENT: "SLA attainment", "SLA 达标率";
    RATING: "average rating (1–5)", "平均评分（1–5）";
    FIGURE: "figure", "指标";
    NOW: "now", "本期";
    EARLIER: "before", "上期";
    CHANGE: "change", "变化";
    DAY: "day", "日期";
    DAY_CREATED: "created", "新建";
    DAY_ENDED: "resolved or closed", "解决或关闭";
    STATUS: "status", "状态";
    PRIORITY: "priority", "优先级";
    POLICY: "policy", "SLA 策略";
    KEPT: "kept", "达标";
    BREACHED: "breached", "违反";
    REASON: "reason", "原因";
    PAUSED_NOW: "paused now", "当前暂停";
    WORD: "rating", "评价";
    RANK: "rank (1–5)", "分值（1–5）";
    GROUP: "group", "客服组";
    ASSIGNEE: "assignee", "受理客服";
    RATED: "rated", "已评价";
    TAG: "tag", "标签";
    FIELD: "field", "字段";
    COLUMN: "column", "列名";
    VALUE: "value", "取值";
    FILLED: "filled", "填写率";
    KEY: "key", "键";
    UP_TO: "complete as of", "数据完整截至";
    LAST_FULL_READ: "last full read", "最近一次全量读取";
    LAST_RUN: "last run", "最近一次运行";
    OUTCOME: "outcome", "结果";
    ALL_SOURCES: "all", "全部";
    SUM: "all", "合计";

    // cells
    NOT_KNOWN: "not known", "未知";
    NONE: "(none)", "（无）";
    EMPTY: "(empty)", "（空）";
    NEVER: "never", "从未";
    UNASSIGNED: "unassigned", "未分配";
    COMPLETE: "complete", "已完成";
    RUN_INCOMPLETE: "incomplete", "不完整";
    FAILED: "failed", "失败";
    INTERRUPTED: "interrupted", "被中断";
    RUNNING: "running", "正在运行";
    DIED: "crashed", "异常退出";
    SPAN_SECONDS: "{n} s", "{n} 秒";
    SPAN_MINUTES: "{n} min {rest} s", "{n} 分 {rest} 秒";
    SPAN_HOURS: "{n} h {rest} min", "{n} 小时 {rest} 分";
    SPAN_DAYS: "{n} d {rest} h", "{n} 天 {rest} 小时";
    MONDAY: "Mon", "周一";
    TUESDAY: "Tue", "周二";
    WEDNESDAY: "Wed", "周三";
    THURSDAY: "Thu", "周四";
    FRIDAY: "Fri", "周五";
    SATURDAY: "Sat", "周六";
    SUNDAY: "Sun", "周日";

    // notes
    TIMES_OF: "The times to {what} of all are those of {sources}; the other sources have none.", "“全部”一行的{what}用时仅来自 {sources}，其他数据源没有。";
    TO_FIRST_ASSIGNMENT: "first assignment", "首次受理";
    TO_RESOLUTION: "resolution", "解决";
    UNRANKED: "The average rating leaves out {n} of {rated} ratings: the word has no known rank. `rating_scale` of the source sets it.", "平均评分未计入 {rated} 条评价中的 {n} 条：这些评价词没有已知分值，可在数据源的 `rating_scale` 中设置。";
    LEFT_OUT: "{n} left out", "未计入 {n} 条";
    NO_COLUMN: "{sources}: no such column; these tickets are under (none).", "{sources}：没有此列，其工单计入（无）。";
    UNDATED: "{n} ticket has no creation time.|{n} tickets have no creation time.", "{n} 张工单没有创建时间。";
    MOST_IN_AN_HOUR: "Most tickets in one hour of the week: {n}.", "一周中单个时段最多 {n} 张工单。";
    IN_WINDOW: "Only tickets created in the window; older ones are not counted.", "仅统计时间范围内创建的工单，更早的不计入。";
    NO_ENDS: "Not known: no source says when tickets were resolved or closed.", "未知：没有数据源提供解决或关闭时间。";
    NO_ENDS_OF: "{sources}: not known and left out.", "{sources}：未知，不计入。";
    END_UNKNOWN: "{n} ticket is done, but not since when; it is left out.|{n} tickets are done, but not since when; they are left out.", "{n} 张工单已完成但完成时间未知，不计入。";
    NO_SLA: "Not known: no ticket has an SLA.", "未知：没有工单设置 SLA。";
    NO_RATINGS: "Not known: no ticket was rated.", "未知：没有工单收到评价。";
    RESCUED_IN: "{n} ticket has such values; they are in the column _rescued.|{n} tickets have such values; they are in the column _rescued.", "{n} 张工单含有此类值，原值保存在 _rescued 列。";
    TO_DO: "To do: {what}", "待处理：{what}";
    MORE: "… and {n} more", "……另有 {n} 项";

    // charts
    CHART: "Chart: {title}. The table below has the same numbers.", "图表：{title}。下方表格为相同数据。";
    AS_TABLE: "Table ({n} row)|Table ({n} rows)", "表格（{n} 行）";
    PER_DAY: "One bar a day", "每柱为一天";
    PER_WEEK: "One bar a week, from Monday on", "每柱为一周（周一起）";
    PER_MONTH: "One bar a month", "每柱为一个月";
    PER_YEAR: "One bar a year", "每柱为一年";
    END_OF_DAY: "At the end of each day", "每日结束时";
    END_OF_WEEK: "At the end of each week", "每周结束时";
    END_OF_MONTH: "At the end of each month", "每月结束时";
    END_OF_YEAR: "At the end of each year", "每年结束时";
    FROM_TO: "{what}, {first} to {last}, at most {n}", "{what}，{first} 至 {last}，最高 {n}";
    UNFINISHED: "the last one, from {last}, is not over", "最后一段自 {last} 起，尚未结束";
    NOT_OVER: "{day} (not over)", "{day}（未结束）";
}
