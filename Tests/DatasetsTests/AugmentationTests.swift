import Base
import Checkpoints
import Fixtures
import Foundation
import Pixels
import Testing
import ViT

@testable import Datasets

/// Against PyTorch, torchvision and Keras's formulas (`golden_scripts/augmentation.py`).
@Suite struct AugmentationGoldenTests {
    private let golden: Checkpoint
    private let normalization: Normalization

    init() throws {
        golden = try Checkpoint.open(Fixtures.golden("datasets/augmentation.safetensors").path)
        normalization = Normalization(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.3])
    }

    private func picture(_ name: String) throws -> RGBImage {
        let shape = try #require(golden[name]?.shape)
        return RGBImage(
            height: shape[0], width: shape[1], bytes: try golden.floats(name).map { UInt8($0) })
    }

    /// The picture without any resizing.
    private func planes(_ image: RGBImage) -> PicturePlanes {
        let pixels = image.height * image.width
        return PicturePlanes(
            height: image.height, width: image.width,
            values: (0..<(3 * pixels)).map { place in
                let channel = place / pixels
                let value = Float(image.bytes[place % pixels * 3 + channel]) / 255
                return (value - normalization.mean[channel]) / normalization.deviation[channel]
            })
    }

    @Test(arguments: ["0.1", "-0.12", "1.0"])
    func turnsAsKerasDoes(angle: String) throws {
        let map = AffineMap.rotation(try #require(Float(angle)), height: 20, width: 28)
        let turned = map.applied(to: planes(try picture("oblong")))
        #expect(relativeError(turned.values, try golden.floats("rotation/\(angle)")) < 1e-4)
    }

    @Test(arguments: [(1.2, 0.8), (0.83, 1.17), (3.5, 2.9)])
    func zoomsAsKerasDoes(height: Double, width: Double) throws {
        let map = AffineMap.zoom(
            heightFactor: Float(height), widthFactor: Float(width), height: 20, width: 28)
        let zoomed = map.applied(to: planes(try picture("oblong")))
        #expect(relativeError(zoomed.values, try golden.floats("zoom/\(height)/\(width)")) < 1e-4)
    }

    @Test func cropsAPaddedPictureAsTorchvisionDoes() throws {
        var augmentation = Augmentation(side: 32)
        augmentation.padding = 4
        var draw = Augmentation.Draw()
        (draw.top, draw.left) = (7, 0)
        let cropped = augmentation.training(try picture("square"), draw, normalization)
        #expect(relativeError(cropped, try golden.floats("padded_crop")) < 1e-5)
    }

    @Test func resizesFlipsTurnsAndZoomsInKerassOrder() throws {
        var augmentation = Augmentation.keras
        (augmentation.side, augmentation.resizedSide) = (40, 40)
        var draw = Augmentation.Draw()
        (draw.isFlipped, draw.angle, draw.heightFactor, draw.widthFactor) = (true, -0.11, 0.9, 1.15)
        let made = augmentation.training(try picture("square"), draw, normalization)
        #expect(relativeError(made, try golden.floats("keras")) < 1e-4)
    }

    @Test func resizesCropsAndFlipsAsProbingViTs() throws {
        var draw = Augmentation.Draw()
        (draw.top, draw.left, draw.isFlipped) = (3, 1, true)
        let made = Augmentation.probingVits.training(try picture("square"), draw, normalization)
        #expect(relativeError(made, try golden.floats("probing_vits")) < 1e-5)
    }

    @Test func evaluatesOnTheMiddleResized() throws {
        let larger = Augmentation(side: 40).evaluation(try picture("square"), normalization)
        #expect(relativeError(larger, try golden.floats("evaluation_larger")) < 1e-5)
        let smaller = Augmentation(side: 12).evaluation(try picture("oblong"), normalization)
        #expect(relativeError(smaller, try golden.floats("evaluation_smaller")) < 1e-5)
    }

    @Test func normalizationAdaptsAsKerasDoes() throws {
        let adapted = ChannelSums(of: try picture("square")).normalization
        let expected = try golden.floats("statistics")
        #expect(relativeError(adapted.mean + adapted.deviation, expected) < 1e-6)
    }
}

@Suite struct AugmentationTests {
    private static let plain = Normalization(mean: [0, 0, 0], deviation: [1, 1, 1])

    /// Draws of so many pictures.
    private func draws(_ augmentation: Augmentation, count: Int = 4000) -> [Augmentation.Draw] {
        (0..<count).map { picture in
            var generator = SplitMix64(seed: 3, purpose: "test", picture)
            return augmentation.draw(&generator)
        }
    }

    @Test func drawsCoverTheirRanges() {
        var augmentation = Augmentation.keras
        augmentation.padding = 2
        let draws = draws(augmentation)
        #expect(Set(draws.map(\.top)) == Set(0...4) && Set(draws.map(\.left)) == Set(0...4))
        let flipped = draws.count { $0.isFlipped }
        #expect((1850...2150).contains(flipped))
        let limit = Float(0.02 * 2 * Double.pi)
        let angles = draws.map(\.angle)
        #expect(angles.allSatisfy { abs($0) <= limit })
        #expect(angles.min()! < -0.98 * limit && angles.max()! > 0.98 * limit)
        for factors in [draws.map(\.heightFactor), draws.map(\.widthFactor)] {
            #expect(factors.allSatisfy { (0.8...1.2).contains($0) })
            #expect(factors.min()! < 0.81 && factors.max()! > 1.19)
        }
        #expect(zip(draws.map(\.heightFactor), draws.map(\.widthFactor)).contains { $0 != $1 })
    }

    @Test func anOptionLeavesTheOtherDrawsAlone() {
        var without = Augmentation.keras
        (without.flips, without.zoom) = (false, 0)
        let (all, some) = (draws(.keras, count: 50), draws(without, count: 50))
        #expect(all.map(\.angle) == some.map(\.angle))
        #expect(some.allSatisfy { !$0.isFlipped && $0.heightFactor == 1 && $0.widthFactor == 1 })
    }

    @Test func theSquareOfAnOblongPictureIsDrawn() {
        // Columns differ: the value is the column.
        let image = RGBImage(height: 4, width: 10) { bytes in
            for place in bytes.indices { bytes[place] = UInt8(place / 3 % 10) }
        }
        let augmentation = Augmentation(side: 4)
        func firstColumn(_ square: Float) -> Float {
            var draw = Augmentation.Draw()
            draw.square = square
            return (augmentation.training(image, draw, Self.plain)[0] * 255).rounded()
        }
        #expect(firstColumn(0) == 0 && firstColumn(0.999) == 6 && firstColumn(1) == 6)
        #expect((augmentation.evaluation(image, Self.plain)[0] * 255).rounded() == 3)
        let upright = RGBImage(height: 10, width: 4) { bytes in
            for place in bytes.indices { bytes[place] = UInt8(place / 12) }
        }
        #expect((augmentation.evaluation(upright, Self.plain)[0] * 255).rounded() == 3)
    }

    @Test func aCropReachesOverTheBorder() {
        let picture = PicturePlanes(height: 1, width: 2, values: [1, 2, 3, 4, 5, 6])
        let whole = picture.cropped(top: -1, left: -1, height: 3, width: 4, outside: [7, 8, 9])
        #expect(whole.values[..<12] == [7, 7, 7, 7, 7, 1, 2, 7, 7, 7, 7, 7])
        #expect(whole.values[12..<18] == [8, 8, 8, 8, 8, 3])
        let beside = picture.cropped(top: 0, left: 5, height: 1, width: 2, outside: [7, 8, 9])
        #expect(beside.values == [7, 7, 8, 8, 9, 9])
        let before = picture.cropped(top: 0, left: -4, height: 1, width: 2, outside: [7, 8, 9])
        #expect(before.values == [7, 7, 8, 8, 9, 9])
    }

    /// The kernel's naive twin, in double precision: bilinear between samples of the picture mirrored beyond its edges.
    private func mapped(_ picture: PicturePlanes, _ map: AffineMap) -> [Float] {
        func mirrored(_ index: Int, _ count: Int) -> Int {
            let place = ((index % (2 * count)) + 2 * count) % (2 * count)
            return place < count ? place : 2 * count - 1 - place
        }
        let (height, width) = (picture.height, picture.width)
        return (0..<picture.values.count).map { place in
            let plane = place / (height * width) * height * width
            let (x, y) = (Double(place % width), Double(place % (height * width) / width))
            let across = Double(map.xx) * x + Double(map.xy) * y + Double(map.xOffset)
            let down = Double(map.yx) * x + Double(map.yy) * y + Double(map.yOffset)
            let (left, top) = (Int(across.rounded(.down)), Int(down.rounded(.down)))
            func sample(_ row: Int, _ column: Int) -> Double {
                Double(picture.values[plane + mirrored(row, height) * width + mirrored(column, width)])
            }
            let (right, below) = (across - Double(left), down - Double(top))
            let upper = sample(top, left) * (1 - right) + sample(top, left + 1) * right
            let lower = sample(top + 1, left) * (1 - right) + sample(top + 1, left + 1) * right
            return Float(upper * (1 - below) + lower * below)
        }
    }

    @Test(arguments: [(1, 1), (1, 9), (7, 1), (5, 64), (6, 65), (70, 130)])
    func theKernelIsItsNaiveTwin(height: Int, width: Int) {
        var generator = SplitMix64(seed: UInt64(height * 1000 + width))
        let picture = PicturePlanes(
            height: height, width: width, values: (0..<(3 * height * width)).map { _ in generator.normal() })
        for _ in 0..<20 {
            let map = AffineMap(
                xx: 2 * generator.normal(), xy: generator.normal(), xOffset: 9 * generator.normal(),
                yx: generator.normal(), yy: 2 * generator.normal(), yOffset: 9 * generator.normal())
            // Places of some hundred pixels have 2⁻¹⁵ of a pixel.
            #expect(relativeError(map.applied(to: picture).values, mapped(picture, map)) < 2e-4)
        }
    }

    @Test func mapsFarOutsideStayWithinThePicture() {
        let picture = PicturePlanes(height: 1, width: 1, values: [1, 2, 3])
        let map = AffineMap.zoom(heightFactor: 1e6, widthFactor: 1e6, height: 1, width: 1)
        #expect(map.applied(to: picture) == picture)
        let row = PicturePlanes(height: 2, width: 3, values: (0..<18).map(Float.init))
        let far = AffineMap(xx: -1e7, xy: 3, xOffset: 1e9, yx: 1e8, yy: 1e7, yOffset: -1e9)
        #expect(far.applied(to: row).values.allSatisfy { (0...17).contains($0) })
        let endless = AffineMap(xx: .infinity, xy: .nan, xOffset: 0, yx: -.infinity, yy: 0, yOffset: .nan)
        #expect(endless.applied(to: row).values.allSatisfy { (0...17).contains($0) })
    }

    @Test func aChannelOfOneValueIsNotDivided() {
        let adapted = ChannelSums(of: RGBImage(height: 5, width: 5, gray: 51)).normalization
        #expect(adapted == Normalization(mean: [0.2, 0.2, 0.2], deviation: [1, 1, 1]))
    }
}

@Suite struct MixupTests {
    /// Mean 1/2 and variance 1 / (4 (2α + 1)) of Beta(α, α).
    @Test(arguments: [0.02, 0.2, 1.0, 4.0])
    func sharesAreOfTheBetaDistribution(alpha: Double) {
        var generator = SplitMix64(seed: 11)
        let shares = (0..<40_000).map { _ in generator.beta(alpha, alpha) }
        #expect(shares.allSatisfy { (0...1).contains($0) })
        let mean = shares.reduce(0, +) / 40_000
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
        #expect(abs(mean - 0.5) < 0.01)
        #expect(abs(variance * 4 * (2 * alpha + 1) - 1) < 0.03)
    }

    /// Of unlike parameters the mean is a / (a + b), so that the two are not mistaken.
    @Test func parametersAreInOrder() {
        var generator = SplitMix64(seed: 12)
        let mean = (0..<20_000).reduce(0.0) { sum, _ in sum + generator.beta(0.5, 2) } / 20_000
        #expect(abs(mean - 0.2) < 0.01)
    }

    @Test func picturesAreMixedWithTheirPartners() {
        let batch = TrainingBatch(
            pixels: [1, 1, 1, 5, 5, 5, 9, 9, 9], count: 3, side: 1, labels: [7, 8, 9])
        let mixed = Mixup(alpha: 1).mixed(batch, share: 0.75, partners: [1, 0, 2])
        #expect(mixed.pixels == [2, 2, 2, 4, 4, 4, 9, 9, 9])
        #expect(mixed.labels == [7, 8, 9])
        #expect(mixed.mixture == Mixture(labels: [8, 7, 9], shares: [0.75, 0.75, 0.75]))
    }
}

@Suite struct DrawTests {
    @Test func generatorsOfOnePurposeAreTheirOwn() {
        func first(_ seed: UInt64, _ purpose: StaticString, _ counters: Int...) -> UInt64 {
            var generator =
                counters.count == 2
                ? SplitMix64(seed: seed, purpose: purpose, counters[0], counters[1])
                : SplitMix64(seed: seed, purpose: purpose)
            return generator.next()
        }
        let values = [
            first(1, "a"), first(2, "a"), first(1, "b"), first(1, "a", 0, 1), first(1, "a", 1, 0),
            first(1, "a", 0, 0),
        ]
        #expect(Set(values).count == values.count)
        #expect(first(1, "a", 0, 1) == values[3])
    }

    @Test func numbersBelowABoundAreAllDrawn() {
        var generator = SplitMix64(seed: 5)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7000 { counts[generator.below(7)] += 1 }
        #expect(counts.allSatisfy { (880...1120).contains($0) })
    }

    @Test func permutationsAreOfAllPlacesAndEvenly() {
        var firsts = [Int](repeating: 0, count: 4)
        for seed in 0..<2000 {
            var generator = SplitMix64(seed: UInt64(seed))
            let order = generator.permutation(of: 4)
            #expect(order.sorted() == [0, 1, 2, 3])
            firsts[order[0]] += 1
        }
        #expect(firsts.allSatisfy { (420...580).contains($0) })
        var generator = SplitMix64(seed: 0)
        #expect(generator.permutation(of: 0).isEmpty)
    }
}
