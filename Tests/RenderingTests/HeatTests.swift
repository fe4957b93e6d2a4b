import Base
import Foundation
import Pixels
import Rendering
import Testing

@Suite struct HeatScaleTests {
    @Test func scalesAreReadFromText() throws {
        #expect(try HeatScale(parsing: "frame") == .frame)
        #expect(
            try HeatScale(parsing: "smooth") == .smooth(halfLifeSeconds: HeatScale.defaultHalfLifeSeconds))
        #expect(try HeatScale(parsing: "smooth:1.5") == .smooth(halfLifeSeconds: 1.5))
        #expect(try HeatScale(parsing: "0:0.02") == .fixed(minimum: 0, maximum: 0.02))
        #expect(try HeatScale(parsing: "-1e-3:2") == .fixed(minimum: -1e-3, maximum: 2))
    }

    @Test(arguments: [
        "", "Frame", "smooth:", "smooth:0", "smooth:-1", "1:0", "1:1", "0:nan", "0:inf", "a:b", "0:1:2",
    ])
    func otherTextIsRefusedByName(text: String) {
        let error = #expect(throws: VitvideoError.self) { try HeatScale(parsing: text) }
        #expect(error?.kind == .usage)
        #expect(error?.description.contains("'\(text)'") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func frameScalingSpansTheMapsOwnRange() {
        var scaler = HeatScaler(.frame)
        let heat = scaler.heat(of: Plane(height: 1, width: 4, values: [0.002, 0.006, 0.010, 0.004]), at: 0)
        #expect(heat.values[0] == 0)
        #expect(heat.values[2] == 1)
        #expect(abs(heat.values[1] - 0.5) < 1e-6)
        #expect(abs(heat.values[3] - 0.25) < 1e-6)
    }

    @Test(arguments: [HeatScale.frame, .smooth(halfLifeSeconds: 1)])
    func aConstantMapIsCold(scale: HeatScale) {
        var scaler = HeatScaler(scale)
        #expect(
            scaler.heat(of: Plane(height: 3, width: 2, repeating: 0.7), at: 0).values
                == Array(repeating: 0, count: 6))
    }

    @Test func fixedLimitsAreTheSameInEveryFrame() {
        var scaler = HeatScaler(.fixed(minimum: 0, maximum: 0.5))
        #expect(
            scaler.heat(of: Plane(height: 1, width: 2, values: [0.25, 0.25]), at: 0).values == [0.5, 0.5])
        #expect(scaler.heat(of: Plane(height: 1, width: 2, values: [0, 1]), at: 1).values == [0, 2])
    }

    @Test func valuesThatAreNotFiniteDoNotStretchTheRange() {
        var scaler = HeatScaler(.frame)
        let heat = scaler.heat(of: Plane(height: 1, width: 4, values: [1, .nan, 3, .infinity]), at: 0)
        #expect(heat.values[0] == 0 && heat.values[2] == 1)
        #expect(heat.values[1].isNaN)
        #expect(heat.values[3] == .infinity)
        #expect(scaler.heat(of: Plane(height: 1, width: 1, values: [.nan]), at: 0).values == [0])
    }

    @Test func smoothFollowsTheRangeByItsHalfLife() {
        var scaler = HeatScaler(.smooth(halfLifeSeconds: 2))
        let first = Plane(height: 1, width: 2, values: [0, 8])
        let second = Plane(height: 1, width: 2, values: [4, 16])
        #expect(scaler.range(of: first, at: 10) == (0, 8))
        // One half-life: half way. Then two half-lives at once: three quarters of the rest.
        #expect(scaler.range(of: second, at: 12) == (2, 12))
        #expect(scaler.range(of: second, at: 16) == (3.5, 15))
        // No time passes: nothing moves. A step back: anew.
        #expect(scaler.range(of: first, at: 16) == (3.5, 15))
        #expect(scaler.range(of: second, at: 3) == (4, 16))
    }

    @Test func smoothDoesNotDependOnHowTimeIsCut() {
        let start = Plane(height: 1, width: 2, values: [0, 1])
        let jump = Plane(height: 1, width: 2, values: [0.5, 3])
        var once = HeatScaler(.smooth(halfLifeSeconds: 0.5))
        var often = once
        _ = once.range(of: start, at: 0)
        _ = often.range(of: start, at: 0)
        for time in [0.04, 0.1, 0.5, 0.7] { _ = often.range(of: jump, at: time) }
        let (a, b) = (once.range(of: jump, at: 1), often.range(of: jump, at: 1))
        #expect(abs(a.low - b.low) < 1e-6 && abs(a.high - b.high) < 1e-6)
        #expect(abs(a.high - 2.5) < 1e-6)
    }
}

@Suite struct HeatPainterTests {
    /// Colors and blend by the definition. Where 256 times the heat is within a rounding error of a whole number
    /// either neighbor is right.
    func expectOverlay(
        _ actual: RGBImage, heat: [Double], frame: RGBImage?, colorMap: ColorMap, alpha: Double
    ) {
        var wrong = 0
        for i in 0..<heat.count {
            let candidates = Set(
                [heat[i] - 1e-6, heat[i], heat[i] + 1e-6].map { heat in
                    min(255, max(0, Int((heat * 256).rounded(.down))))
                })
            let matches = candidates.contains { index in
                (0..<3).allSatisfy { c in
                    let color = Double(colorMap.table[index * 3 + c])
                    let blended =
                        frame.map { (1 - alpha) * Double($0.bytes[i * 3 + c]) + alpha * color } ?? color
                    return abs(Double(actual.bytes[i * 3 + c]) - blended) <= 0.5 + 1e-4
                }
            }
            if !matches { wrong += 1 }
        }
        #expect(wrong == 0, "\(wrong) of \(heat.count) pixels")
    }

    @Test(arguments: Interpolation.allCases, [0.6, 0.0, 1.0, 0.37])
    func overlayEqualsItsDefinition(interpolation: Interpolation, alpha: Double) {
        // Wider than the kernel's chunk of 256 pixels, and not a multiple of anything.
        let (height, width) = (37, 523)
        let frame = noiseImage(height: height, width: width)
        // Beyond 0...1 at both ends, as fixed limits make them.
        let heat = noiseMap(height: 5, width: 11, in: -0.3...1.3)
        let placement = MapPlacement(cellHeight: 7.4, cellWidth: 46.9)
        var painter = HeatPainter(
            height: height, width: width, placement: placement,
            style: HeatStyle(colorMap: .turbo, alpha: alpha, interpolation: interpolation))
        let expected = naiveUpsample(
            heat, height: height, width: width, placement: placement, interpolation: interpolation)
        let overlay = painter.overlay(heat, on: frame)
        expectOverlay(overlay, heat: expected, frame: frame, colorMap: .turbo, alpha: alpha)
        if alpha == 0 { #expect(overlay == frame) }
        let opaque = painter.heatmap(heat)
        expectOverlay(opaque, heat: expected, frame: nil, colorMap: .turbo, alpha: 1)
        if alpha == 1 { #expect(overlay == opaque) }
    }

    @Test func everyPairOfLevelsIsBlendedToTheNearest() {
        // One row of all frame levels for each of the map's 256 grays (matplotlib's rounding leaves some out).
        var frame = RGBImage(height: 256, width: 256)
        for row in 0..<256 {
            for column in 0..<256 {
                let level = UInt8(column)
                frame[row, column] = (level, level, level)
            }
        }
        let ramp = Plane(height: 256, width: 1, values: (0..<256).map { (Float($0) + 0.5) / 256 })
        for alpha in [0.6, 0.5, 0.25] {
            var painter = HeatPainter(
                height: 256, width: 256, placement: MapPlacement(cellHeight: 1, cellWidth: 256),
                style: HeatStyle(colorMap: .gray, alpha: alpha, interpolation: .nearest))
            let out = painter.overlay(ramp, on: frame)
            var wrong = 0
            for row in 0..<256 {
                for column in 0..<256 {
                    // In whole twentieths, which are exact; halves go up.
                    let twentieths = Int(alpha * 20)
                    let sum = (20 - twentieths) * column + twentieths * Int(ColorMap.gray.table[row * 3])
                    if Int(out[row, column].green) != (sum + 10) / 20 { wrong += 1 }
                }
            }
            #expect(wrong == 0, "alpha \(alpha): \(wrong) of 65536")
        }
    }

    @Test func paintersTakeMapsOfChangingShape() {
        let frame = noiseImage(height: 24, width: 32)
        var painter = HeatPainter(
            height: 24, width: 32, placement: MapPlacement(cellHeight: 8, cellWidth: 8), style: HeatStyle())
        var fresh = painter
        _ = painter.overlay(noiseMap(height: 2, width: 9), on: frame)
        let map = noiseMap(height: 3, width: 4)
        #expect(painter.overlay(map, on: frame) == fresh.overlay(map, on: frame))
    }
}

@Suite struct MaskPainterTests {
    @Test(arguments: [(90, 131, 1), (1081, 1090, 2)])
    func maskEqualsItsDefinition(height: Int, width: Int, reach: Int) {
        let frame = noiseImage(height: height, width: width)
        let (cellHeight, cellWidth) = (Double(height) / 6.3, Double(width) / 8.1)
        let kept = Plane(
            height: 6, width: 8, values: noiseMap(height: 6, width: 8).values.map { $0 > 0.5 ? 1 : 0 })
        let painter = MaskPainter(
            height: height, width: width,
            placement: MapPlacement(cellHeight: cellHeight, cellWidth: cellWidth))
        let out = painter.paint(kept, on: frame)

        func isKept(_ y: Int, _ x: Int) -> Bool {
            let row = Int((Double(min(height - 1, max(0, y))) + 0.5) / cellHeight)
            let column = Int((Double(min(width - 1, max(0, x))) + 0.5) / cellWidth)
            return kept[min(5, row), min(7, column)] > 0
        }
        var wrong = 0
        var outlined = 0
        for y in 0..<height {
            for x in 0..<width {
                let pixel = frame.triple(y, x).map(Int.init)
                let expected: [UInt8]
                if !isKept(y, x) {
                    let luma = (77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) / 256
                    expected = Array(repeating: UInt8(luma * 77 / 256), count: 3)
                } else if isKept(y - reach, x), isKept(y + reach, x), isKept(y, x - reach),
                    isKept(y, x + reach)
                {
                    expected = frame.triple(y, x)
                } else {
                    expected = [255, 255, 255]
                    outlined += 1
                }
                if out.triple(y, x) != expected { wrong += 1 }
            }
        }
        #expect(wrong == 0)
        #expect(outlined > 100)
    }

    @Test func aWholeMaskLeavesThePictureAlone() {
        let frame = noiseImage(height: 40, width: 50)
        let painter = MaskPainter(height: 40, width: 50, placement: MapPlacement(cellHeight: 8, cellWidth: 8))
        #expect(painter.paint(Plane(height: 5, width: 6, repeating: 1), on: frame) == frame)
        let dimmed = painter.paint(Plane(height: 5, width: 6), on: frame)
        #expect(dimmed.bytes.max() ?? 255 <= 77)
    }
}

/// Masks at the picture's size are where the mask view keeps the color.
@Suite struct MaskUpsamplerTests {
    @Test(arguments: [(90, 131), (41, 7), (300, 200)]) func pixelsAreThoseOfTheMaskView(
        height: Int, width: Int
    ) {
        let placement = MapPlacement(cellHeight: Double(height) / 6.3, cellWidth: Double(width) / 8.1)
        let kept = Plane(
            height: 6, width: 8, values: noiseMap(height: 6, width: 8).values.map { $0 > 0.5 ? 1 : 0 })
        let upsampler = MaskUpsampler(
            rows: 6, columns: 8, height: height, width: width, placement: placement)
        let mask = upsampler(IndexMask(above: kept))
        #expect(mask.objects == [1] && (mask.height, mask.width) == (height, width))
        // A saturated picture: what is kept is red, or white on the line, and what is not is gray.
        var red = RGBImage(height: height, width: width)
        for row in 0..<height { for column in 0..<width { red[row, column] = (200, 0, 0) } }
        let painted = MaskPainter(height: height, width: width, placement: placement).paint(kept, on: red)
        for row in 0..<height {
            for column in 0..<width {
                let isKept = painted[row, column].red >= 200
                #expect(isKept == (mask[row, column] == 1), "\(row), \(column)")
            }
        }
    }

    /// Every object's number survives, and the edge goes on beyond the last whole cell.
    @Test func objectsKeepTheirNumbers() {
        let cells = IndexMask(height: 2, width: 2, indices: [0, 7, 255, 1])
        let mask = MaskUpsampler(
            rows: 2, columns: 2, height: 5, width: 6, placement: MapPlacement(cellHeight: 2, cellWidth: 2))(
                cells)
        let (top, bottom): ([UInt8], [UInt8]) = ([0, 0, 7, 7, 7, 7], [255, 255, 1, 1, 1, 1])
        #expect(mask.indices == top + top + bottom + bottom + bottom)
        #expect(mask.objects == [1, 7, 255])
    }
}
