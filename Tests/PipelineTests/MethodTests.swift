import Base
import Fixtures
import Foundation
import Methods
import Pipeline
import Pixels
import Probing
import Rendering
import Testing
import ViT
import VideoIO

/// What methods are asked for by, and what of it is refused.
@Suite struct MethodTests {
    private func expectUsage(
        mentioning texts: String..., at location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        let error = #expect(throws: VitvideoError.self, sourceLocation: location) { try body() }
        #expect(error?.kind == .usage, sourceLocation: location)
        for text in texts {
            #expect(error?.description.contains(text) == true, sourceLocation: location)
        }
    }

    @Test func queriesAreRead() throws {
        #expect(try Query(parsing: "cls") == .classToken)
        #expect(try Query(parsing: "CLS") == .classToken)
        #expect(try Query(parsing: "12,20") == .patch(row: 12, column: 20))
        for text in ["640px,360px", "640,360px", "640, 360 px", "640PX,360px"] {
            #expect(try Query(parsing: text) == .pixel(x: 640, y: 360))
        }
        for query in [Query.classToken, .probe, .mean, .patch(row: 3, column: 0), .pixel(x: 1, y: 2)] {
            #expect(try Query(parsing: query.description) == query)
        }
    }

    @Test(arguments: ["", "12", "1,2,3", "-1,2", "1;2", "640px,360", "a,b", "px,px", "patch"])
    func whatIsNoQuery(text: String) {
        expectUsage(mentioning: "cls", "ROW,COL", "px") { _ = try Query(parsing: text) }
    }

    /// The class token where there is one; the probe after the last layer, and all patches in a layer.
    @Test func theStandardQueryIsTheModels() throws {
        func query(_ golden: String, namesBlock: Bool, heads: Int? = nil) throws -> Query {
            let model = try Model.load(Fixtures.golden(golden).path, told: ModelFacts(heads: heads))
            return Query(standardOf: model.configuration, namesBlock: namesBlock)
        }
        #expect(try query("siglip/transformers", namesBlock: false) == .probe)
        #expect(try query("siglip/transformers", namesBlock: true) == .mean)
        for namesBlock in [false, true] {
            #expect(try query("patches/ijepa.pth", namesBlock: namesBlock, heads: 2) == .mean)
            #expect(try query("beit/timm", namesBlock: namesBlock) == .classToken)
        }
    }

    @Test func queriesThatAModelDoesNotHaveAreRefused() throws {
        func probed(_ golden: String) throws -> ProbedModel {
            ProbedModel(
                try Model.load(Fixtures.golden(golden).path, told: ModelFacts(heads: 2)), name: "it",
                resolution: .native)
        }
        let (siglip, ijepa) = (try probed("siglip/transformers"), try probed("patches/ijepa.pth"))
        let plain = try TinyModels.probed("plain", shortSide: 24)
        expectUsage(mentioning: "it has no class token; its query is mean, probe or a patch") {
            try Query.classToken.check(siglip, namesBlock: false)
        }
        expectUsage(mentioning: "it has no class token; its query is mean or a patch") {
            try Query.classToken.check(ijepa, namesBlock: false)
        }
        for probed in [ijepa, plain] {
            expectUsage(mentioning: "has no probe") { try Query.probe.check(probed, namesBlock: false) }
        }
        expectUsage(mentioning: "comes after the last layer", "is mean or a patch") {
            try Query.probe.check(siglip, namesBlock: true)
        }
        for (query, probed, namesBlock) in [
            (Query.probe, siglip, false), (.mean, siglip, true), (.mean, plain, false),
            (.classToken, plain, true),
            (.patch(row: 0, column: 0), ijepa, true),
        ] {
            try query.check(probed, namesBlock: namesBlock)
        }
    }

    /// 44 × 64 pixels at a short side of 24 are 6 × 8 patches, each 7.33 × 7.53 pixels of the frame.
    @Test func queriesMeanPatches() throws {
        let source = try TinyModels.source("registers", shortSide: 24)
        let layout = try source.layout(height: 44, width: 64)
        #expect(layout.rows == 6 && layout.columns == 8)
        func cell(_ query: Query) -> [Int]? { query.cell(on: layout).map { [$0.row, $0.column] } }
        #expect(cell(.classToken) == nil)
        #expect(cell(.patch(row: 5, column: 7)) == [5, 7])
        #expect(cell(.pixel(x: 0, y: 0)) == [0, 0])
        #expect(cell(.pixel(x: 7, y: 43)) == [5, 0])
        #expect(cell(.pixel(x: 8, y: 21)) == [2, 1])
        // The grid ends at 60.2 pixels; what lies beyond counts to its last patch.
        #expect(cell(.pixel(x: 63, y: 22)) == [3, 7])
    }

    @Test func queriesOutsideAreRefused() throws {
        let probed = try TinyModels.probed("plain", shortSide: 24)
        let engine = try Engine(model: probed.model)
        func prepare(_ query: Query) throws {
            var memory: Int?
            try AttentionMaps(probed, engine: engine, query: query)
                .prepare(height: 48, width: 64, workers: 1, availableBytes: &memory)
        }
        try prepare(.patch(row: 5, column: 7))
        try prepare(.pixel(x: 63, y: 47))
        expectUsage(mentioning: "6,0", "6 rows by 8 columns") { try prepare(.patch(row: 6, column: 0)) }
        expectUsage(mentioning: "0,8") { try prepare(.patch(row: 0, column: 8)) }
        expectUsage(mentioning: "64px,0px", "64×48") { try prepare(.pixel(x: 64, y: 0)) }
        expectUsage(mentioning: "0px,48px") { try prepare(.pixel(x: 0, y: 48)) }
    }

    @Test func viewsThatMakeNoSense() {
        for method in MethodRegistry.standard.methods { #expect(method.mismatch(with: .heads) == nil) }
        for method in [Method.layers, .queriesAndKeys] {
            for view in [View.overlay, .heatmap, .sideBySide, .mask] {
                #expect(method.mismatch(with: view) == .severalMaps)
            }
        }
        #expect(Method.features.mismatch(with: .mask) == .colors)
        #expect(Method.features.mismatch(with: .overlay) == nil)
        for view in View.allCases {
            for method in [Method.attention, .rollout, .gradientRollout, .flow] {
                #expect(method.mismatch(with: view) == nil)
            }
        }
    }

    @Test func classesAreFound() throws {
        let probed = try TinyModels.probed("supervised", shortSide: 24)
        let options = try RolloutOptions()
        func target(_ text: String) throws -> Int? {
            try GradientRolloutMaps(probed, options: options, target: ClassChoice(text)).targetClass
        }
        #expect(try target("top") == nil && target("TOP") == nil)
        #expect(try target("10") == 10)
        #expect(try target("puss") == 0 && target("Cat") == 0 && target("big dog") == 1)
        #expect(throws: VitvideoError.noSuchClass(11, classes: 11)) { try target("11") }
        #expect(throws: VitvideoError.noSuchClass(-1, classes: 11)) { try target("-1") }
        expectUsage(mentioning: "'dog'", "'big dog' (1)") { _ = try target("dog") }
        expectUsage(mentioning: "'zebra'") { _ = try target("zebra") }

        let twice = ProbedModel(
            probed.model, resolution: probed.resolution,
            classification: Classification(
                classifier: try #require(Classifier(ownOf: probed.model)),
                labels: ClassLabels(names: ["crane", "heron", "crane, hoist"]), shownCount: 0))
        expectUsage(mentioning: "'crane'", "0, 2") {
            _ = try GradientRolloutMaps(twice, options: options, target: .name("crane"))
        }
    }

    @Test func gradientsWantAClassifierAndTheirOwnOptions() throws {
        let plain = try TinyModels.probed("plain", shortSide: 24)
        #expect(throws: VitvideoError.noClassifier(model: "plain")) {
            try GradientRolloutMaps(plain, options: try RolloutOptions())
        }
        let supervised = try TinyModels.probed("supervised", shortSide: 24)
        let refusal = #expect(throws: VitvideoError.self) {
            try GradientRolloutMaps(supervised, options: try RolloutOptions(compatibility: .keras))
        }
        #expect(refusal?.kind == .usage && refusal?.nextStep == .leaveOut([.compat("keras")]))
    }

    @Test func layersHeadsAndChannelsOutsideAreRefused() throws {
        let probed = try TinyModels.probed("plain", shortSide: 24)
        let engine = try Engine(model: probed.model)
        let c = probed.model.configuration
        expectUsage(mentioning: "channel \(c.headWidth)", "0 to \(c.headWidth - 1)") {
            _ = try QueryKeyMaps(probed, engine: engine, channel: c.headWidth)
        }
        #expect(throws: VitvideoError.noSuchHead(3, heads: 3)) {
            try QueryKeyMaps(probed, engine: engine, head: 3)
        }
        #expect(throws: VitvideoError.noSuchHead(-1, heads: 3)) {
            try LayerMaps(probed, engine: engine, heads: [0, -1])
        }
        #expect(throws: VitvideoError.noSuchBlock(c.depth, depth: c.depth)) {
            try QueryKeyMaps(probed, engine: engine, layer: c.depth)
        }
    }

    @Test func blocksOutsideAreRefused() throws {
        let probed = try TinyModels.probed("plain", shortSide: 24)
        var settings = MethodSettings()
        settings[MethodOptions.blocks] = try BlockRange(parsing: "2:4")
        expectUsage(mentioning: "there is no layer 4: the model has layers 0 to 2") {
            _ = try Method.flow.makeSource(
                MethodRequest(
                    model: probed, settings: settings, makeEngine: { try Engine(model: probed.model) }))
        }
    }

    /// Told before the first frame, whatever memory there is.
    @Test func aFlowThatWouldTakeTooLongIsRefused() throws {
        let probed = try TinyModels.probed("supervised", shortSide: 2400)
        let source = FlowMaps(probed, engine: try Engine(model: probed.model), blocks: 0..<3)
        var memory: Int?
        expectUsage(mentioning: "attention flow through 3 layers over 600×800 patches", "minutes a picture") {
            try source.prepare(height: 48, width: 64, workers: 1, availableBytes: &memory)
        }
    }

    /// The basis of principal components is fitted before the run, but not to frames that do not fit.
    @Test func featuresDoNotBeginWhatDoesNotFit() throws {
        let probed = try TinyModels.probed("plain", shortSide: 24)
        let refusal = #expect(throws: VitvideoError.self) {
            try FeatureMaps(
                probed, engine: try Engine(model: probed.model), threads: 1, availableBytes: 1000
            ) { body in try body(RGBImage(height: 48, width: 64)) }
        }
        #expect(refusal?.kind == .usage)
        #expect(refusal?.nextStep == .fitMemory(resolution: nil, workers: nil, withoutDiscarding: false))
    }

    /// All workers of all sources count, and the refusal comes before anything of that size is there.
    @Test func memoryIsReservedForEverySource() throws {
        let probed = try TinyModels.probed("supervised", shortSide: 2400)
        let options = try RolloutOptions(discardRatio: 0.5)
        let sources: [any MapSource] = [
            RolloutMaps(probed, engine: try Engine(model: probed.model), options: options),
            try GradientRolloutMaps(probed, options: options),
        ]
        let c = probed.model.configuration
        let needs = [false, true].map {
            RolloutMemory.bytes(c, rows: 600, columns: 800, options: options, isGradient: $0)
        }
        #expect(needs.allSatisfy { $0 > 480_000 * 480_000 * 4 })
        func prepare(_ bytes: Int?) throws -> Int? {
            var available = bytes
            for source in sources {
                try source.prepare(height: 48, width: 64, workers: 2, availableBytes: &available)
            }
            return available
        }
        #expect(try prepare(nil) == nil)
        #expect(try prepare(2 * (needs[0] + needs[1]) + 7) == 7)
        let refusal = #expect(throws: VitvideoError.self) { try prepare(2 * (needs[0] + needs[1]) - 1) }
        #expect(refusal?.kind == .usage)
        guard case .fitMemory(.some, workers: 2, withoutDiscarding: true) = refusal?.nextStep else {
            Issue.record("no refusal for memory: \(String(describing: refusal))")
            return
        }
    }
}
