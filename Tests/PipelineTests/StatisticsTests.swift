import Base
import Fixtures
import Foundation
import Pipeline
import Testing

@Suite struct StatisticsTableTests {
    static let subjects = [
        StatisticsSubject(name: "dino", partNames: ["head 0", "head 2"]),
        StatisticsSubject(name: "big, \"other\"", partNames: ["head 0", "head 1"], hasClassifier: true),
        StatisticsSubject(name: "recorded"),
    ]

    static func figures(
        _ base: Double, parts: [Double], correlations: [Double], label: String? = nil
    ) -> FrameStatistics {
        FrameStatistics(
            entropy: base, partEntropies: parts, topMass: base / 10, previousCorrelation: .nan,
            correlations: correlations, topLabel: label)
    }

    @Test func aRowPerFrameAndSubject() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("out.csv")
        let table = try StatisticsTable(path: path, overwrite: false, subjects: Self.subjects)
        #expect(try directory.contents != ["out.csv"])
        try table.add(
            [
                Self.figures(5, parts: [4.5, 5.25], correlations: [.nan, 0.5, -0.125]),
                Self.figures(6, parts: [1, 2], correlations: [0.5, .nan, 0], label: "cat, tabby"),
                Self.figures(6.4, parts: [], correlations: [-0.125, 0, .nan]),
            ], frame: 7, timeSeconds: 0.28)
        try table.finish(as: nil)
        #expect(try directory.contents == ["out.csv"])
        let expected = """
            frame,time,model,entropy,entropy_head_0,entropy_head_2,entropy_head_1,top10_mass,\
            correlation_previous,correlation_dino,"correlation_big, ""other""\",correlation_recorded,top_label
            7,0.280000,dino,5.000000,4.500000,5.250000,,0.500000,,,0.500000,-0.125000,
            7,0.280000,"big, ""other""\",6.000000,1.000000,,2.000000,0.600000,,0.500000,,0.000000,"cat, tabby"
            7,0.280000,recorded,6.400000,,,,0.640000,,-0.125000,0.000000,,

            """
        #expect(try String(contentsOfFile: path, encoding: .utf8) == expected)
    }

    @Test func oneModelNeedsNoCorrelationsAndNoLabels() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("one.csv")
        let table = try StatisticsTable(
            path: path, overwrite: false, subjects: [StatisticsSubject(name: "dino")])
        try table.add([Self.figures(.nan, parts: [], correlations: [.nan])], frame: 0, timeSeconds: 0)
        try table.finish(as: directory.file("one.partial.csv"))
        #expect(try directory.contents == ["one.partial.csv"])
        #expect(
            try String(contentsOfFile: directory.file("one.partial.csv"), encoding: .utf8)
                == "frame,time,model,entropy,top10_mass,correlation_previous\n0,0.000000,dino,,,\n")
    }

    @Test func manyRowsArriveComplete() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("long.csv")
        let table = try StatisticsTable(
            path: path, overwrite: false, subjects: [StatisticsSubject(name: "dino")])
        for frame in 0..<5000 {
            try table.add(
                [Self.figures(1, parts: [], correlations: [.nan])], frame: frame, timeSeconds: 0)
        }
        try table.finish(as: nil)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 5001)
        #expect(lines.last?.hasPrefix("4999,") == true)
    }

    @Test func nothingIsLeftOfAnAbandonedTable() throws {
        let directory = try TemporaryDirectory()
        let table = try StatisticsTable(
            path: directory.file("out.csv"), overwrite: false, subjects: Self.subjects)
        table.abandon()
        #expect(try directory.contents.isEmpty)
    }

    @Test func anExistingFileIsKept() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("out.csv")
        try "mine".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: (any Error).self) {
            try StatisticsTable(path: path, overwrite: false, subjects: Self.subjects)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
    }
}

@Suite struct StatisticsPlotTests {
    @Test(arguments: [("plot.png", [0x89, 0x50, 0x4E, 0x47]), ("plot.svg", Array("<?xm".utf8))])
    func drawsTheKindItsNameAsksFor(name: String, beginning: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file(name)
        let plot = try StatisticsPlot(
            path: path, overwrite: false, title: "clip", subjects: StatisticsTableTests.subjects)
        for frame in 0..<3 {
            plot.add(
                [
                    StatisticsTableTests.figures(5, parts: [4, 5], correlations: [.nan, 0.5, 0.25]),
                    StatisticsTableTests.figures(6, parts: [1, 2], correlations: [0.5, .nan, 0]),
                    StatisticsTableTests.figures(6.4, parts: [], correlations: [0.25, 0, .nan]),
                ], frame: frame, timeSeconds: Double(frame) / 25)
        }
        try plot.finish(as: nil)
        #expect(try directory.contents == [name])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).prefix(4) == Data(beginning))
    }

    @Test func otherKindsAreRefused() throws {
        let directory = try TemporaryDirectory()
        #expect {
            try StatisticsPlot(
                path: directory.file("plot.jpg"), overwrite: false, title: "", subjects: [])
        } throws: { error in
            (error as? VitvideoError)?.kind == .usage
        }
        #expect(try directory.contents.isEmpty)
    }
}

@Suite struct StatisticsSummaryTests {
    @Test func givesMeansOfWhatIsDefined() {
        var summary = StatisticsSummary(subjects: Array(StatisticsTableTests.subjects.prefix(2)))
        for (entropy, correlation) in [(5.0, 0.2), (7.0, Double.nan), (6.0, 0.4)] {
            summary.add([
                StatisticsTableTests.figures(entropy, parts: [], correlations: [.nan, correlation]),
                StatisticsTableTests.figures(.nan, parts: [], correlations: [correlation, .nan]),
            ])
        }
        #expect(summary.frames == 3)
        #expect(summary.entropy(0) == 6)
        #expect(summary.entropy(1).isNaN)
        #expect(abs(summary.correlation(0, 1) - 0.3) < 1e-12)
        #expect(summary.lines.count == 3)
        #expect(summary.lines[0] == "dino: entropy 6.000 nats, top 10 % of patches hold 0.600")
        #expect(summary.lines[2] == "dino – big, \"other\": correlation 0.300")
    }
}

@Suite struct ThinnedSeriesTests {
    @Test func shortSeriesAreKeptAsTheyAre() {
        var series = ThinnedSeries(limit: 8)
        for index in 0..<7 { series.append(time: Double(index), values: [Double(index) * 2]) }
        series.finish()
        #expect(series.rows.map(\.time) == [0, 1, 2, 3, 4, 5, 6])
        #expect(series.rows.map(\.values) == [[0], [2], [4], [6], [8], [10], [12]])
    }

    @Test func longSeriesAreAveragedInPairs() {
        var series = ThinnedSeries(limit: 4)
        for index in 0..<11 { series.append(time: Double(index), values: [Double(index), .nan]) }
        series.finish()
        // After 4 rows in pairs, after 8 in fours; what is left makes a row of its own.
        #expect(series.rows.map(\.time) == [1.5, 5.5, 9])
        #expect(series.rows.allSatisfy { $0.values[0] == $0.time && $0.values[1].isNaN })
    }

    @Test func undefinedFiguresDoNotSpoilAMean() {
        var series = ThinnedSeries(limit: 2)
        series.append(time: 0, values: [.nan])
        series.append(time: 1, values: [3])
        series.finish()
        #expect(series.rows.map(\.time) == [0.5] && series.rows.map(\.values) == [[3]])
    }
}
