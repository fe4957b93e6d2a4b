import CKernels
import Fixtures
import Testing

@testable import ViT

/// What a pass takes over from the picture before, against a twin in double precision.
@Suite struct TokenReuseTests {
    static let grid = (rows: 12, columns: 16)

    /// Parts whose place a token's row has to know, and parts that are computed in place.
    static let cases = [
        PartsTests.Case("plain", grid: grid) { $0.onGrid() },
        PartsTests.Case("rotary, registers, LayerScale", grid: grid) {
            $0.onGrid()
            $0.position = .none
            $0.rotary = .dinov3
            $0.prefix.registers = 3
            $0.hasLayerScale = true
        },
        PartsTests.Case("relative positions", grid: grid) {
            $0.onGrid()
            $0.position = .none
            $0.relativePositions = .perBlock
        },
        PartsTests.Case("gated, norms everywhere", grid: grid) {
            $0.onGrid()
            $0.activation = .swiglu
            $0.normalizesHidden = true
            $0.normalizesAttention = true
            $0.normalizesQueriesAndKeys = true
        },
        PartsTests.Case("no class token", grid: grid) {
            $0.onGrid()
            $0.prefix.hasClassToken = false
            $0.pooling = .meanPatch
        },
    ]

    /// A picture whose left half is another one's by `amount`.
    static func moved(_ planes: [Float], side: Int, amount: Float, seed: UInt64) -> [Float] {
        let width = grid.columns * side
        let noise = KernelTests.values(planes.count, seed: seed, spread: 1)
        return planes.indices.map { planes[$0] + ($0 % width < width / 2 ? amount : amount / 50) * noise[$0] }
    }

    struct Film {
        let twins: PartsTests.Twins
        let pictures: [[Float]]
        let inputs: [PatchMatrix]

        init(_ item: PartsTests.Case, count: Int = 4) throws {
            let twins = try PartsTests.Twins(item)
            let side = item.configuration.patchSize
            let pictures = (0..<count).map {
                $0 == 0
                    ? twins.planes
                    : TokenReuseTests.moved(twins.planes, side: side, amount: 0.8, seed: UInt64($0))
            }
            self.twins = twins
            self.pictures = pictures
            inputs = pictures.map {
                Preprocessor(configuration: item.configuration, resolution: .native)
                    .patches(ofPlanes: $0, rows: grid.rows, columns: grid.columns)
            }
        }
    }

    /// A gated block is the whole one on what each token was last computed from, of which the chosen tokens' part is new:
    /// keys and values are of those, and so is what is kept.
    struct Twin {
        let naive: NaiveTransformer
        let threshold: Double
        var before: [NaiveTransformer.Rows] = []
        var added: [NaiveTransformer.Rows] = []
        var turns: [Int] = []
        private(set) var computed = 0

        init(_ naive: NaiveTransformer, threshold: Double) {
            self.naive = naive
            self.threshold = threshold
        }

        mutating func run(_ planes: [Float]) -> NaiveTransformer.Rows {
            var x = naive.embedding(planes.map(Double.init))
            let isFirst = before.isEmpty
            computed = 0
            for block in 0..<naive.c.depth {
                if isFirst {
                    before.append(x)
                    added.append(x)
                    turns.append(0)
                }
                let chosen = isFirst ? Array(x.indices) : choose(block, x)
                computed += chosen.count
                for token in chosen { before[block][token] = x[token] }
                let output = naive.run(block, before[block]).output
                for token in chosen {
                    added[block][token] = zip(output[token], x[token]).map { $0 - $1 }
                }
                x = zip(x, added[block]).map { zip($0, $1).map { $0 + $1 } }
            }
            return naive.finished(x)
        }

        private mutating func choose(_ block: Int, _ x: NaiveTransformer.Rows) -> [Int] {
            let prefix = naive.c.prefix.count
            let limit = threshold * (1.6 - 1.1 * Double(block) / Double(naive.c.depth - 1))
            func size(_ row: [Double]) -> Double { row.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            var chosen = Set(0..<prefix)
            for token in prefix..<x.count {
                let distance = size(zip(x[token], before[block][token]).map { $0 - $1 })
                if distance > limit * size(before[block][token]) { chosen.insert(token) }
            }
            var wanted = chosen.count + (x.count + 31) / 32
            wanted = min((wanted + 23) / 24 * 24, x.count)
            var stride = Int(0.618 * Double(x.count))
            while (2...stride).contains(where: { stride % $0 == 0 && x.count % $0 == 0 }) { stride += 1 }
            while chosen.count < wanted {
                chosen.insert(turns[block] * stride % x.count)
                turns[block] += 1
            }
            if 10 * chosen.count >= 9 * x.count { chosen = Set(x.indices) }
            return chosen.sorted()
        }
    }

    @Test(arguments: cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func equalsTheTwin(_ item: PartsTests.Case, library: Engine.Library) throws {
        let film = try Film(item)
        var twin = Twin(film.twins.naive, threshold: 0.2)
        let reuse = TokenReuse()
        let engine = try Engine(model: film.twins.model, library: library, precision: .float32)
        let pass = try ForwardPass(engine: engine, threads: 2, reuse: reuse)
        var shares: [Double] = []
        for (index, input) in film.inputs.enumerated() {
            reuse.step = .reusing(threshold: 0.2)
            let tokens = try pass.run(input, ForwardRequest(attentionBlocks: [], wantsTokens: true)).tokens
            let expected = twin.run(film.pictures[index])
            let error = PartsTests.error(tokens, expected.joined())
            #expect(error <= 5e-5, "\(item.name), picture \(index): \(error)")
            let all = item.configuration.depth * film.twins.tokens
            #expect(reuse.computedShare == Double(twin.computed) / Double(all))
            shares.append(reuse.computedShare)
        }
        print("\(item.name): \(shares)")
        #expect(shares[0] == 1)
        #expect(shares.dropFirst().allSatisfy { $0 > 0.3 && $0 < 0.9 }, "\(shares)")
    }

    /// Where all is computed, keeping it changes no bit.
    @Test(arguments: cases) func renewingChangesNothing(_ item: PartsTests.Case) throws {
        let film = try Film(item, count: 2)
        let precisions: [Precision] = vv_cpu_has_bfloat16() ? [.float32, .bfloat16] : [.float32]
        for precision in precisions {
            let wide = PartsTests.Case(item.name, grid: item.grid) {
                $0 = item.configuration
                $0.width = 32
            }
            let film = precision == .float32 ? film : try Film(wide, count: 2)
            let engine = try Engine(model: film.twins.model, library: .oneDNN, precision: precision)
            let plain = try ForwardPass(engine: engine)
            let reuse = TokenReuse()
            let renewing = try ForwardPass(engine: engine, threads: 2, reuse: reuse)
            var request = ForwardRequest(attentionBlocks: [1], wantsTokens: true)
            request.query = .token(0)
            for input in film.inputs {
                reuse.step = .renewing
                let (found, expected) = (try renewing.run(input, request), try plain.run(input, request))
                #expect(found.tokens == expected.tokens && found.attention == expected.attention)
                #expect(reuse.computedShare == 1)
                // A pass apart neither uses nor touches what is kept.
                reuse.step = .apart
                let apart = try renewing.run(film.inputs[0], request)
                #expect(apart.tokens == (try plain.run(film.inputs[0], request)).tokens)
            }
        }
    }

    /// How many threads share a picture changes no bit, in either precision.
    @Test func threadsChangeNothing() throws {
        let film = try Film(Self.cases[0])
        func tokens(threads: Int) throws -> [[Float]] {
            let reuse = TokenReuse()
            let engine = try Engine(model: film.twins.model, library: .oneDNN, precision: .float32)
            let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
            return try film.inputs.map {
                reuse.step = .reusing(threshold: 0.2)
                return try pass.run($0, ForwardRequest(attentionBlocks: [1], wantsTokens: true)).tokens
            }
        }
        let one = try tokens(threads: 1)
        #expect(try tokens(threads: 3) == one)
        #expect(one[0] != one[1])
    }

    /// A picture of another size begins afresh, and so does one of as many patches in another grid.
    @Test func anotherGridBeginsAfresh() throws {
        let film = try Film(
            PartsTests.Case("rotary", grid: Self.grid) {
                $0.onGrid()
                $0.position = .none
                $0.rotary = .dinov3
            }, count: 1)
        let turned = Preprocessor(configuration: film.twins.model.configuration, resolution: .native)
            .patches(ofPlanes: film.pictures[0], rows: Self.grid.columns, columns: Self.grid.rows)
        let reuse = TokenReuse()
        let engine = try Engine(model: film.twins.model, library: .oneDNN, precision: .float32)
        let pass = try ForwardPass(engine: engine, reuse: reuse)
        let request = ForwardRequest(attentionBlocks: [], wantsTokens: true)
        for input in [film.inputs[0], turned] {
            reuse.step = .reusing(threshold: 0.2)
            #expect(
                try pass.run(input, request).tokens == ForwardPass(engine: engine).run(input, request).tokens)
        }
    }

    /// The tokens that are computed in turn come to all of them.
    @Test(arguments: [5, 197, 1025, 1024]) func everyTokenHasItsTurn(count: Int) {
        let choice = TokenChoice(tokens: count, prefix: 1)
        let still = [Float](repeating: 0, count: count)
        let ones = [Float](repeating: 1, count: count)
        var (turn, seen) = (0, Set<Int32>())
        for _ in 0..<32 {
            let chosen = choice.choose(
                distances: still, squares: ones, threshold: 0.1, weights: [], turn: &turn)
            #expect(chosen == min(count, (1 + (count + 31) / 32 + 23) / 24 * 24))
            let tokens = (0..<chosen).map { choice.tokens[$0] }
            #expect(tokens == tokens.sorted() && Set(tokens).count == chosen)
            seen.formUnion(tokens)
        }
        #expect(seen.count == count)
    }

    /// What is no number is computed, and found by the pass.
    @Test func noNumberIsComputed() {
        let choice = TokenChoice(tokens: 200, prefix: 1)
        var distances = [Float](repeating: 0, count: 200)
        distances[150] = .nan
        var turn = 0
        let count = choice.choose(
            distances: distances, squares: [Float](repeating: 1, count: 200), threshold: 0.1, weights: [],
            turn: &turn)
        #expect((0..<count).contains { choice.tokens[$0] == 150 })
    }
}

extension Configuration {
    fileprivate mutating func onGrid() {
        (nativeRows, nativeColumns) = TokenReuseTests.grid
    }
}
