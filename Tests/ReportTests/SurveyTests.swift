import Base
import Checkpoints
import Files
import Fixtures
import Foundation
import Methods
import NumPy
import Pipeline
import Pixels
import Probing
import Testing
import ViT
import VideoIO

@testable import Report

/// The sections about all pictures together, from files to the page.
@Suite struct SurveyTests {
    /// A directory with pictures of two sizes, and reports on them.
    private struct Made {
        let directory: TemporaryDirectory
        let paths: [String]

        init(_ count: Int) throws {
            let directory = try TemporaryDirectory()
            self.directory = directory
            paths = try (0..<count).map {
                try directory.writePicture(
                    "\($0).png", height: $0 == 1 ? 12 : 16, width: 20, seed: UInt64($0) + 40)
            }
        }

        /// - Parameter rows: of a list of boxes; nil without one.
        func report(
            _ sections: Set<String>, by subjects: [ReportSubject], rows: String? = nil, figures: Int = 1,
            stop: StopRequest = StopRequest(), progress: (Int) -> Void = { _ in }
        ) throws -> ReportJob.Outcome {
            let boxes = try rows.map {
                try BoxList(contentsOf: try directory.write($0.utf8, to: "boxes.csv"))
            }
            return try makeReport(
                of: paths, by: subjects, in: directory,
                ReportOptions(sections: sections, figures: figures, boxes: boxes), stop: stop,
                progress: progress)
        }

        func page(_ name: String = "report") throws -> String {
            try String(contentsOfFile: directory.file("\(name)/index.html"), encoding: .utf8)
        }

        func array(_ archive: String, _ name: String) throws -> NPYArray {
            try NPZReader(directory.file("report/arrays/\(archive).npz")).array(name)
        }

        var figures: [String] {
            get throws {
                try FileManager.default.contentsOfDirectory(atPath: directory.file("report/figures")).sorted()
            }
        }

        func input(_ path: String, _ subject: ReportSubject) throws -> PatchMatrix {
            try subject.probed.preprocessor.patches(of: try StillImage.read(path))
        }
    }

    private static func floats(_ values: [Double]) -> [Float] { values.map { Float($0) } }

    // MARK: Globalization

    @Test func globalizationIsOfAllPictures() throws {
        let made = try Made(5)
        let subjects = try ["supervised", "registers"].map { try ReportSubject.tiny($0) }
        _ = try made.report(["globalization"], by: subjects)
        for subject in subjects {
            let c = subject.model.configuration
            let pass = try ForwardPass(engine: subject.engine)
            var variance = SpatialVariance()
            for path in made.paths {
                let input = try made.input(path, subject)
                var request = ForwardRequest(attentionBlocks: [])
                request.neuronMomentBlocks = Set(0..<c.depth)
                let moments = try pass.run(input, request).neuronMoments
                variance.add(
                    try (0..<c.depth).map { try #require(moments[$0]) }, patches: input.rows * input.columns)
            }
            let shares = try made.array("globalization-\(subject.name)", "within_share")
            #expect(shares.shape == [c.depth, c.feedForwardWidth])
            #expect(try shares.floats() == Self.floats(variance.shares.flatMap { $0 }))
        }
        #expect(try made.figures == ["globalization.svg"], "one figure for both models")
        let page = try made.page()
        let first = try made.array("globalization-supervised", "within_share").floats().prefix(144)
        let mean = first.reduce(0) { $0 + Double($1) } / 144
        #expect(page.contains("supervised: \(percent(mean)) of the variance lies within pictures in layer 0"))
    }

    /// The lines are the means, one a model in its color; quartiles are named where there is one model.
    @Test func theChartOfGlobalization() throws {
        let layers = [[0.0, 0.5, 1.0, .nan], [0.2, 0.2, 0.2, 0.2]].map(
            GlobalizationCollector.LayerShares.init)
        let one = GlobalizationCollector.chart([layers], of: [try .tiny("plain")], title: "").charts[0]
        #expect(one.series.map(\.name) == ["plain", "quartiles", nil])
        #expect(one.series[0].points.map(\.y) == [50, 20] && one.series[1].points.map(\.y) == [25, 20])
        let two = GlobalizationCollector.chart(
            [layers, layers], of: [try .tiny("plain"), try .tiny("swiglu")], title: ""
        ).charts[0]
        #expect(two.series.compactMap(\.name) == ["plain", "swiglu"])
    }

    @Test func onePictureTellsNothingOfGlobalizationAndNeurons() throws {
        let made = try Made(1)
        _ = try made.report(["globalization", "neurons"], by: [try .tiny("plain")])
        #expect(try made.page().matches(of: /At least two pictures are needed/).count == 2)
        #expect(try made.figures.isEmpty)
    }

    // MARK: The class token's part

    @Test func theClassTokenWithKnownClasses() throws {
        let made = try Made(4)
        let subject = try ReportSubject.tiny("supervised")
        let c = subject.model.configuration
        let classifier = try #require(subject.classification?.classifier)
        // The class that the model says of the first two, and another one of the third; the fourth has no box.
        let pass = try ForwardPass(engine: subject.engine)
        var request = ForwardRequest(attentionBlocks: [c.depth - 1], wantsTokens: true, wantsLogits: true)
        request.classTokenBlocks = 1
        var results: [[ForwardResult]] = []
        for path in made.paths {
            var runs: [ForwardResult] = []
            try pass.runDivided(try made.input(path, subject), request) { runs.append($1) }
            results.append(runs)
        }
        let answers = results.map { runs in
            runs[0].logits.indices.max { runs[0].logits[$0] < runs[0].logits[$1] } ?? 0
        }
        let classes = [answers[0], answers[1], (answers[2] + 1) % c.classes]
        let rows = zip(made.paths, classes).map { "\($0),0,0,4,4,\($1)\n" }.joined()
        _ = try made.report(["class-token"], by: [subject], rows: rows)

        let cosines = results.map { runs in
            runs.map { cosineSimilarity($0.classTokens, runs[0].classTokens) }
        }
        #expect(try made.array("class-token-supervised", "cosine").shape == [4, c.depth + 1])
        #expect(try made.array("class-token-supervised", "cosine").doubles() == cosines.flatMap { $0 })
        let correlations = try made.array("class-token-supervised", "correlation").doubles()
        for (picture, runs) in results.enumerated() {
            let maps = runs.compactMap { $0.attention[c.depth - 1].map { HeadFusion.mean.fuse($0.planes) } }
            for divided in 0..<c.depth {
                #expect(
                    correlations[picture * (c.depth + 1) + divided]
                        == MapStatistics.correlation(maps[divided], maps[0]))
            }
            #expect(correlations[picture * (c.depth + 1) + c.depth].isNaN)
        }
        let ranks = results.enumerated().flatMap { picture, runs in
            runs.map { picture < 3 ? Float(classRank(classes[picture], in: $0.logits)) : -1 }
        }
        #expect(try made.array("class-token-supervised", "rank").int64s() == ranks.map { Int64($0) })

        // Two of three are right undivided.
        let page = try made.page()
        #expect(page.contains("top-1 is") && page.contains("where it is 66.7 % undivided"))
        #expect(page.contains("<td class=\"number\">66.7 %</td>"))
        #expect(try made.figures == ["class-token-1-supervised.png", "class-token.svg"])

        let patches = try #require(try PatchClassifier(classifier, of: subject.model))
        let logits = patches.logits(results[0][0])
        let map = try made.array("class-token-1-supervised", "probability")
        #expect(map.shape == [1, 4, 5])
        for (patch, value) in try map.floats().enumerated() {
            let own = Array(logits[patch * c.classes..<(patch + 1) * c.classes])
            let rank = subject.classification?.labels.top(c.classes, of: own).first { $0.index == classes[0] }
            #expect(abs(value - (rank?.probability ?? -1)) < 1e-6)
        }
        // The second picture has another grid: there is no accuracy by position.
        #expect(throws: (any Error).self) { try made.array("class-token-supervised", "patch_top1") }
        #expect(page.contains("patches, average") && !page.contains("the best position"))
    }

    /// Accuracy by the patch's place, where all pictures have one grid; without known classes the model's own answer
    /// stands for them, and a model without classes has none.
    @Test func patchesByTheirPlace() throws {
        let directory = try TemporaryDirectory()
        let paths = try (0..<3).map {
            try directory.writePicture("\($0).png", height: 16, width: 20, seed: UInt64($0) + 3)
        }
        let subjects = try ["supervised", "plain"].map { try ReportSubject.tiny($0) }
        _ = try makeReport(
            of: paths, by: subjects, in: directory, ReportOptions(sections: ["class-token"], figures: 1))
        let subject = subjects[0]
        let classifier = try #require(subject.classification?.classifier)
        let patches = try #require(try PatchClassifier(classifier, of: subject.model))
        let pass = try ForwardPass(engine: subject.engine)
        var hits = [Float](repeating: 0, count: 20)
        for path in paths {
            let input = try subject.probed.preprocessor.patches(of: try StillImage.read(path))
            let result = try pass.run(
                input, ForwardRequest(attentionBlocks: [], wantsTokens: true, wantsLogits: true))
            let top = try #require(result.logits.indices.max { result.logits[$0] < result.logits[$1] })
            let logits = patches.logits(result)
            for patch in 0..<20 {
                let own = logits[patch * patches.classes..<(patch + 1) * patches.classes]
                if classRank(top, in: own) == 0 { hits[patch] += 1 }
            }
        }
        #expect(hits.contains { $0 > 0 } && hits.contains { $0 < 3 })
        let archive = try NPZReader(directory.file("report/arrays/class-token-supervised.npz"))
        #expect(try archive.array("patch_top1").shape == [4, 5])
        #expect(try archive.array("patch_top1").floats() == hits.map { $0 / 3 })
        let page = try String(contentsOfFile: directory.file("report/index.html"), encoding: .utf8)
        #expect(page.contains("Agreement with the class token&#39;s answer"))
        #expect(
            page.contains(
                "the best position</th><td class=\"number\">\(percent(Double(hits.max() ?? 0) / 3))"))
        #expect(!page.contains("Accuracy"), "nothing is known that it could be of")
        #expect(page.contains("plain: the class token&#39;s cosine with the undivided run&#39;s is "))
        #expect(page.contains(" with 1 layer divided and "))
    }

    // MARK: Background and foreground

    /// A picture with a box, whole and in parts, as PyTorch has them.
    @Test(arguments: Golden.names) func theFormsOfAPicture(name: String) throws {
        let golden = try Golden(name)
        let expected = try golden.experiments()
        let subject = try ReportSubject.tiny(name)
        let c = subject.model.configuration
        let directory = try TemporaryDirectory()
        let shape = try #require(expected["boxed/picture"]?.shape)
        try StillImage.write(
            RGBImage(
                height: shape[0], width: shape[1],
                bytes: try expected.floats("boxed/picture").map { UInt8($0) }), to: directory.file("a.png"))
        let box = try expected.floats("boxed/box").map { "\(Int($0))" }.joined(separator: ",")
        let label = c.classes > 0 ? "3" : ""
        _ = try makeReport(
            of: [directory.file("a.png")], by: [subject], in: directory,
            ReportOptions(
                sections: ["background"],
                boxes: try BoxList(
                    contentsOf: try directory.write("a.png,\(box),\(label)\n".utf8, to: "boxes.csv"))))

        let forms = ["whole", "foreground", "background"]
        let tokens = try forms.map { try expected.floats("boxed/\($0)/token") }
        let archive = try NPZReader(directory.file("report/arrays/background-\(name).npz"))
        let cosines = try archive.array("cosine").doubles()
        for (cosine, token) in zip(cosines, tokens) {
            #expect(abs(cosine - cosineSimilarity(token, tokens[0])) <= 1e-4, "\(name): \(cosine)")
        }
        #expect(cosines[0] == 1 && cosines[1] < 0.999 && cosines[2] < 0.999)
        let shown = try NPZReader(directory.file("report/arrays/background-1-\(name).npz")).array("attention")
        #expect(shown.shape == [3, shape[0] / c.patchSize, shape[1] / c.patchSize])
        let attention = try forms.flatMap { try expected.floats("boxed/\($0)/attention") }
        #expect(relativeError(try shown.floats(), attention) <= 1e-4)
        guard c.classes > 0 else { return }
        let ranks = try forms.map { form in
            Int64(classRank(3, in: try expected.floats("boxed/\(form)/logits")))
        }
        #expect(try archive.array("rank").int64s() == ranks)
    }

    @Test func theTableOfForms() throws {
        let made = try Made(4)
        let subject = try ReportSubject.tiny("supervised")
        let directory = try TemporaryDirectory()
        let writer = try FigureWriter(
            try OutputDirectory(directory.file("report"), .report, overwrite: false), version: "test")
        let plan = try SurveyPlan(
            models: [subject], options: ReportOptions(),
            boxes: try PictureBoxes(
                try BoxList(
                    contentsOf: try made.directory.write("0.png,0,0,1,1,cat\n".utf8, to: "boxes.csv")),
                pictures: made.paths))
        let tally = try BackgroundTally(plan, index: 0, writer)
        for (index, ranks) in [[0, 0, 4], [0, 2, 9], [4, 9, 9], [7, 5, 0]].enumerated() {
            try tally.add(BackgroundMeasure(cosines: [1, 0.5, 0.25], ranks: ranks), index: index)
        }
        try tally.add(BackgroundMeasure(), index: 4)
        #expect(tally.pictures == 4)
        let table = BackgroundCollector.table(tally)
        #expect(
            table.head == [
                "Picture", "top-1", "of the whole's", "top-5", "of the whole's", "Cosine with the whole",
            ])
        #expect(
            table.rows == [
                ["whole", "50.0 %", "100.0 %", "75.0 %", "100.0 %", "1.000"],
                ["foreground", "25.0 %", "50.0 %", "50.0 %", "66.7 %", "0.500"],
                ["background", "25.0 %", "50.0 %", "50.0 %", "66.7 %", "0.250"],
            ])
    }

    @Test func picturesWithoutABoxAreCountedAndTheRestTold() throws {
        let made = try Made(4)
        let rows = "path,x0,y0,x1,y1\n2.png,2,2,9,9\n0.png,0,0,20,16\n2.png,0,0,3,3\ngone.png,0,0,1,1\n"
        _ = try made.report(
            ["background"], by: [try .tiny("plain"), try .tiny("supervised")], rows: rows, figures: 4)
        let page = try made.page()
        #expect(page.contains("plain, 2 of 4 pictures with a box: the class token&#39;s cosine"))
        #expect(page.contains("1 box is of a picture that is not given, the first of &#39;gone.png&#39;."))
        #expect(page.contains("1 further box"))
        #expect(try made.array("background-plain", "picture").int64s() == [0, 2])
        #expect(
            try made.figures
                == [1, 3].flatMap { number in
                    ["plain", "supervised"].map { "background-\(number)-\($0).png" }
                })
    }

    /// Nothing is left of a report on boxes that are wrong.
    @Test(arguments: [
        ("0.png,0,0,21,16,cat\n", "line 1: the box ends outside the picture, x1 is 21 and"),
        ("0.png,0,0,20,17,cat\n", "line 1: the box ends outside the picture, y1 is 17 and"),
        ("0.png,0,0,20,16,zebra\n", "no class is called 'zebra'"),
        ("gone.png,0,0,20,16,cat\n", "none of its boxes is of a picture that is given"),
    ])
    func wrongBoxes(rows: String, mention: String) throws {
        let made = try Made(2)
        #expect {
            try made.report(["background"], by: [try .tiny("supervised")], rows: rows)
        } throws: {
            let error = $0 as? VitvideoError
            return error?.kind == .badData && "\($0)".contains(mention) && "\($0)".contains("boxes.csv")
        }
        #expect(try made.directory.contents == ["0.png", "1.png", "boxes.csv"])
    }

    // MARK: Neurons

    @Test func neuronsOnThePicturesThatExciteThem() throws {
        let made = try Made(6)
        let subject = try ReportSubject.tiny("swiglu")
        let c = subject.model.configuration
        _ = try made.report(["neurons"], by: [subject, try .tiny("plain")])
        let pass = try ForwardPass(engine: subject.engine)
        var selectivity = (0..<c.depth).map { _ in
            NeuronSelectivity(neurons: c.feedForwardWidth, examples: NeuronSurvey.examples)
        }
        for path in made.paths {
            var request = ForwardRequest(attentionBlocks: [])
            request.neuronMomentBlocks = Set(0..<c.depth)
            let moments = try pass.run(try made.input(path, subject), request).neuronMoments
            for block in 0..<c.depth { selectivity[block].add(try #require(moments[block]).mean) }
        }
        let best = selectivity.flatMap { block in (0..<c.feedForwardWidth).flatMap { block.examples(of: $0) }
        }
        let shape = [c.depth, c.feedForwardWidth, NeuronSurvey.examples]
        #expect(try made.array("neurons-swiglu", "best_picture").shape == shape)
        #expect(try made.array("neurons-swiglu", "best_picture").int64s() == best.map { Int64($0.picture) })
        #expect(try made.array("neurons-swiglu", "best_mean").floats() == best.map(\.mean))
        let page = try made.page()
        for block in 0..<c.depth {
            let chosen = selectivity[block].mostSelective(NeuronSurvey.neurons)
            #expect(chosen.count == NeuronSurvey.neurons)
            let named = chosen.map {
                "\(block):\($0) (S \(String(format: "%.2f", selectivity[block].sparsity(of: $0))))"
            }.joined(separator: ", ")
            #expect(page.contains("that excite them most: \(named)"))
            #expect(page.contains("<h3>Layer \(block)</h3>"))
        }
        #expect(try made.figures.count == 2 * c.depth)
    }

    /// A report that is stopped keeps what was measured, and does not begin to look a second time.
    @Test func aStoppedReportLooksAtNoPictureAgain() throws {
        let made = try Made(40)
        let stop = StopRequest()
        let outcome = try made.report(
            ["neurons", "globalization"], by: [try .tiny("plain")], stop: stop,
            progress: { if $0 == 3 { stop.request() } })
        guard case .interrupted(let counts, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(counts.used < 40)
        let page = try made.page("report.partial")
        #expect(page.contains("stopped before the pictures were looked at again"))
        #expect(page.contains("Neurons over the picture, \(counts.used) pictures"))
    }

    // MARK: All together

    /// Workers finish in any order; sums do not depend on it.
    @Test func allSurveysTogetherGiveWhatEachGivesAlone() throws {
        let made = try Made(9)
        let subject = try ReportSubject.tiny("distilled")
        let rows = made.paths.map { "\($0),1,1,12,11,5\n" }.joined()
        let names = ["distance", "globalization", "class-token", "background", "neurons"]
        _ = try made.report(Set(names), by: [subject], rows: rows)
        func bytes(_ name: String) throws -> Data {
            try Data(
                contentsOf: URL(fileURLWithPath: made.directory.file("report/arrays/\(name)-distilled.npz")))
        }
        let together = try names.map(bytes)
        for (name, expected) in zip(names, together) {
            try FileManager.default.removeItem(atPath: made.directory.file("report"))
            _ = try made.report([name, "heads"], by: [subject], rows: rows, figures: 3)
            #expect(try bytes(name) == expected, "\(name)")
        }
    }
}
