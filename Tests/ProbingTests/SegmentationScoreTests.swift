import Fixtures
import Foundation
import Pixels
import Probing
import Testing

/// J and F against their statement in NumPy, and by hand.
@Suite struct SegmentationScoreTests {
    private struct Case: Decodable {
        let height: Int
        let width: Int
        /// Row, column, radius.
        let found: [[Int]]
        let truth: [[Int]]
        let J: Double
        let F: Double
    }

    private static func disks(_ parts: [[Int]], height: Int, width: Int) -> IndexMask {
        var mask = IndexMask(height: height, width: width)
        for row in 0..<height {
            for column in 0..<width {
                let isInside = parts.contains { part in
                    let (down, across) = (row - part[0], column - part[1])
                    return down * down + across * across <= part[2] * part[2]
                }
                if isInside { mask[row, column] = 3 }
            }
        }
        return mask
    }

    @Test func agreesWithTheStatement() throws {
        let cases = try JSONDecoder().decode(
            [Case].self, from: Data(contentsOf: Fixtures.golden("propagation/scores.json")))
        #expect(cases.contains { $0.F > 0 && $0.F < 1 } && cases.contains { $0.J > 0 && $0.J < 1 })
        for item in cases {
            let found = Self.disks(item.found, height: item.height, width: item.width)
            let truth = Self.disks(item.truth, height: item.height, width: item.width)
            let (region, boundary) = (
                SegmentationScore.region(3, found, truth: truth),
                SegmentationScore.boundary(3, found, truth: truth)
            )
            #expect(abs(region - item.J) < 1e-12, "\(item)")
            #expect(abs(boundary - item.F) < 1e-12, "\(item)")
        }
    }

    private static func rectangle(_ rows: Range<Int>, _ columns: Range<Int>) -> IndexMask {
        var mask = IndexMask(height: 30, width: 40)
        for row in rows { for column in columns { mask[row, column] = 1 } }
        return mask
    }

    /// 30×40 pixels have a diagonal of 50: a boundary may be 0.4 pixels off, rounded up 1.
    @Test func byHand() {
        let square = Self.rectangle(10..<20, 10..<20)
        #expect(SegmentationScore.region(1, square, truth: square) == 1)
        #expect(SegmentationScore.boundary(1, square, truth: square) == 1)
        let half = Self.rectangle(10..<20, 15..<25)
        #expect(SegmentationScore.region(1, half, truth: square) == 50.0 / 150)
        let besides = Self.rectangle(10..<20, 11..<21)
        #expect(SegmentationScore.boundary(1, besides, truth: square) == 1, "a pixel off is near enough")
        #expect(SegmentationScore.boundary(1, Self.rectangle(10..<20, 12..<22), truth: square) < 1)
        #expect(SegmentationScore.boundary(1, Self.rectangle(0..<4, 30..<34), truth: square) == 0)
    }

    @Test func nothingIsFoundWhereNothingIs() {
        let (square, nothing) = (Self.rectangle(3..<9, 3..<9), IndexMask(height: 30, width: 40))
        #expect(SegmentationScore.region(2, square, truth: square) == 1, "object 2 is nowhere in either")
        #expect(SegmentationScore.boundary(2, square, truth: square) == 1)
        #expect(SegmentationScore.region(1, square, truth: nothing) == 0)
        #expect(SegmentationScore.boundary(1, nothing, truth: square) == 0)
    }

    /// An object that fills the picture has no boundary, one that reaches its end has none there.
    @Test func thePicturesEndIsNoBoundary() {
        let whole = Self.rectangle(0..<30, 0..<40)
        #expect(SegmentationScore.boundary(1, whole, truth: IndexMask(height: 30, width: 40)) == 1)
        let left = Self.rectangle(0..<30, 0..<20)
        #expect(SegmentationScore.boundary(1, left, truth: Self.rectangle(0..<30, 0..<21)) == 1)
        #expect(SegmentationScore.boundary(1, left, truth: Self.rectangle(0..<30, 0..<25)) == 0)
    }
}
