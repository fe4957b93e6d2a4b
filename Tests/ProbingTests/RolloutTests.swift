import Base
import Checkpoints
import Fixtures
import Pixels
import Probing
import Testing
import ViT

/// Rollout and gradient rollout of the tiny models against NumPy's statement of them, on the native grid, a
/// larger one and one that is not square.
@Suite struct RolloutTests {
    static let tolerance: Float = 1e-4
    static let cases = ["native", "square", "wide"]
    static let ratios = [0.0, 0.5, 0.9]

    /// Strips of 5 rows do not divide the tokens; 64 hold them all.
    @Test(arguments: Golden.names, [5, 64]) func rollout(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let expected = try golden.probing()
        let pass = try ForwardPass(model: golden.model)
        var worst: Float = 0
        func check(_ options: RolloutOptions, _ suffix: String) throws {
            let rollout = Rollout(pass: pass, options: options, stripRows: stripRows)
            // Twice over: nothing may be left of the picture before, of this size or another.
            for caseName in Self.cases + Self.cases {
                let (map, _) = try rollout.run(try golden.input(caseName))
                let error = relativeError(map.values, try expected.floats("\(caseName)/rollout.\(suffix)"))
                worst = max(worst, error)
                #expect(error <= Self.tolerance, "\(name) \(caseName) \(suffix): \(error)")
            }
        }
        try check(RolloutOptions(compatibility: .keras), "keras")
        for fusion in HeadFusion.allCases {
            for ratio in Self.ratios {
                try check(RolloutOptions(headFusion: fusion, discardRatio: ratio), "\(fusion).\(ratio)")
                try check(
                    RolloutOptions(headFusion: fusion, discardRatio: ratio, compatibility: .vitExplain),
                    "\(fusion).\(ratio).vit-explain")
            }
        }
        print("rollout of \(name), strips of \(stripRows): \(worst)")
    }

    /// Sharing the pass and each block's attention changes nothing, in whatever order pictures come.
    @Test(arguments: Golden.names, [5, 64]) func aSetIsItsRollouts(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let pass = try ForwardPass(model: golden.model)
        let all = try HeadFusion.allCases.flatMap { fusion in
            try Self.ratios.map { try RolloutOptions(headFusion: fusion, discardRatio: $0) }
        }
        let set = RolloutSet(pass: pass, stripRows: stripRows)
        for caseName in Self.cases + Self.cases {
            let input = try golden.input(caseName)
            let maps = try set.run(input, all)
            #expect(maps.count == all.count)
            for (options, map) in zip(all, maps) {
                #expect(
                    try Rollout(pass: pass, options: options, stripRows: stripRows).run(input).map == map)
            }
        }
    }

    @Test(arguments: Golden.names, [5, 64]) func gradientRollout(name: String, stripRows: Int) throws {
        let golden = try Golden(name)
        let expected = try golden.probing()
        let target = try Self.target(golden)
        var worst: Float = 0
        for ratio in Self.ratios {
            for (compatibility, suffix) in [
                (RolloutCompatibility.standard, ""), (.vitExplain, ".vit-explain-scores"),
            ] {
                let options = try RolloutOptions(discardRatio: ratio, compatibility: compatibility)
                let rollout = try GradientRollout(
                    model: golden.model, options: options, stripRows: stripRows)
                for caseName in Self.cases + Self.cases {
                    let result = try rollout.run(try golden.input(caseName), target: target)
                    let key = "\(caseName)/gradient_rollout.\(ratio)\(suffix)"
                    let error = relativeError(result.map.values, try expected.floats(key))
                    worst = max(worst, error)
                    #expect(error <= Self.tolerance, "\(name) \(key): \(error)")
                }
            }
        }
        print("gradient rollout of \(name), strips of \(stripRows): \(worst)")
    }

    private static func target(_ golden: Golden) throws -> GradientTarget {
        let gradients = try golden.gradients()
        let index = try #require(gradients.metadata["class"].flatMap { Int($0) })
        guard golden.config.classes == 0 else { return .logit(index) }
        let width = golden.config.width
        return .classToken(Array(try gradients.floats("head.weight")[index * width..<(index + 1) * width]))
    }

    /// The top class is the one whose logit the forward pass finds largest, and its map that class's own.
    @Test func topClass() throws {
        let golden = try Golden("supervised")
        let input = try golden.input("wide")
        let rollout = try GradientRollout(model: golden.model, options: try RolloutOptions())
        let top = try rollout.run(input, target: .topLogit)
        let logits = try golden.cases.floats("wide/logits")
        let expected = try #require(logits.indices.max { logits[$0] < logits[$1] })
        #expect(top.targetClass == expected)
        #expect(relativeError(top.logits, logits) <= Self.tolerance)
        let named = try rollout.run(input, target: .logit(expected))
        #expect(named.map == top.map)
    }

    /// Where every gradient is negative or 0, nothing of the class token's attention is left over the patches.
    @Test func aMapOfNothingIsAllZero() throws {
        let golden = try Golden("plain")
        let rollout = try GradientRollout(model: golden.model, options: try RolloutOptions())
        let nothing = [Float](repeating: 0, count: golden.config.width)
        let result = try rollout.run(try golden.input("wide"), target: .classToken(nothing))
        #expect(result.map == Plane(height: 3, width: 7))
    }

    @Test func optionsThatExcludeEachOther() throws {
        #expect(throws: VitvideoError.self) { try RolloutOptions(discardRatio: 1) }
        #expect(throws: VitvideoError.self) { try RolloutOptions(discardRatio: -0.1) }
        #expect(throws: VitvideoError.self) { try RolloutOptions(discardRatio: .nan) }
        let keras = #expect(throws: VitvideoError.self) {
            try RolloutOptions(headFusion: .max, compatibility: .keras)
        }
        #expect(keras?.kind == .usage)
        #expect(keras?.nextStep == .leaveOut([.headFusion, .discardRatio], or: .compat("keras")))
        let golden = try Golden("plain")
        for (options, nextStep) in [
            (try RolloutOptions(compatibility: .keras), NextStep.leaveOut([.compat("keras")])),
            (
                try RolloutOptions(headFusion: .min, compatibility: .vitExplain),
                .leaveOut([.headFusion], or: .compat("vit-explain"))
            ),
        ] {
            let refusal = #expect(throws: VitvideoError.self) {
                try GradientRollout(model: golden.model, options: options)
            }
            #expect(refusal?.kind == .usage && refusal?.nextStep == nextStep)
        }
    }

    @Test func discardAgainstAStableSort() {
        var state: UInt64 = 5
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for round in 0..<200 {
            let size = 1 + next(300)
            // Few values in some rounds, so that many are equal; over many magnitudes in others.
            let values = (0..<size).map { _ in
                round % 2 == 0
                    ? Float(next(4))
                    : Float(sign: .plus, exponent: -next(100), significand: Float(next(1 << 20)))
            }
            let count = next(size + 1)
            let spare = round % 3 == 0 ? 0 : nil
            var expected = values
            let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
            for index in order.prefix(count) where index != spare { expected[index] = 0 }
            var found = values
            found.withUnsafeMutableBufferPointer {
                DiscardSelection.zeroSmallest(count, of: $0, sparing: spare)
            }
            let isSame = found == expected
            #expect(isSame, "round \(round): \(count) of \(size)")
        }
    }
}
