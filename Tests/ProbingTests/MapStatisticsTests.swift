import Foundation
import Pixels
import Probing
import Testing

@Suite struct MapStatisticsTests {
    static func row(_ values: Float...) -> Plane { Plane(height: 1, width: values.count, values: values) }

    @Test func entropyIsThatOfTheNormalisedMap() {
        #expect(abs(MapStatistics.entropyNats(of: Self.row(5, 5, 5, 5)) - log(4)) < 1e-12)
        #expect(MapStatistics.entropyNats(of: Self.row(0, 3, 0)) == 0)
        // p = ¼, ¼, ½: 2 · ¼ ln 4 + ½ ln 2 = 1.5 ln 2, whatever the scale.
        #expect(abs(MapStatistics.entropyNats(of: Self.row(0.1, 0.1, 0.2)) - 1.5 * log(2)) < 1e-6)
        #expect(abs(MapStatistics.entropyNats(of: Self.row(-7, 1, 1, 2)) - 1.5 * log(2)) < 1e-12)
        #expect(MapStatistics.entropyNats(of: Self.row(0, 0)).isNaN)
    }

    @Test func topMassCountsATenthOfTheCells() {
        let twenty = Plane(height: 4, width: 5, values: (1...20).map(Float.init))
        #expect(abs(MapStatistics.topMass(of: twenty) - 39.0 / 210) < 1e-12)
        // A tenth of 29 cells is 2 whole ones.
        let many = Plane(height: 1, width: 29, values: (1...29).map(Float.init))
        #expect(abs(MapStatistics.topMass(of: many) - 57.0 / 435) < 1e-12)
        // At least one.
        #expect(abs(MapStatistics.topMass(of: Self.row(1, 3, 4)) - 0.5) < 1e-12)
        #expect(MapStatistics.topMass(of: Self.row(0, 0)).isNaN)
    }

    @Test func correlationIsPearsons() {
        // Deviations −1, 0, 1 and −7/3, −1/3, 8/3: 5 / √(2 · 114/9).
        let expected = 5 / (2 * 114.0 / 9).squareRoot()
        #expect(
            abs(MapStatistics.correlation(Self.row(1, 2, 3), Self.row(2, 4, 7)) - expected) < 1e-12)
        #expect(abs(MapStatistics.correlation(Self.row(1, 2, 3), Self.row(6, 4, 2)) + 1) < 1e-12)
        #expect(MapStatistics.correlation(Self.row(1, 2), Self.row(3, 3)).isNaN)
    }

    @Test func areasAreAveragedWithTheirParts() {
        let thirds = AreaAverage.resample(Self.row(1, 2, 3), rows: 1, columns: 2)
        // 1 and half of 2, over one and a half cells.
        #expect(abs(thirds.values[0] - 4.0 / 3) < 1e-6 && abs(thirds.values[1] - 8.0 / 3) < 1e-6)

        let square = Plane(height: 2, width: 4, values: [1, 3, 5, 7, 9, 11, 13, 15])
        #expect(AreaAverage.resample(square, rows: 1, columns: 2).values == [6, 10])
        #expect(AreaAverage.resample(square, rows: 2, columns: 4) == square)
        // Enlarging repeats.
        #expect(AreaAverage.resample(Self.row(1, 2), rows: 2, columns: 4).values == [1, 1, 2, 2, 1, 1, 2, 2])
        // Only the first three and a half columns: 1, 2 up to 1.75; then 2, 3, 4 from there.
        let part = AreaAverage.resample(Self.row(1, 2, 3, 4), rows: 1, columns: 2, width: 3.5)
        #expect(abs(part.values[0] - 2.5 / 1.75) < 1e-6 && abs(part.values[1] - 5.5 / 1.75) < 1e-6)
    }

    @Test func mapsOfDifferentGridsMeetOnTheCoarserOne() {
        let tall = Plane(height: 4, width: 2, values: [1, 2, 3, 4, 5, 7, 9, 11])
        let wide = Plane(height: 2, width: 4, values: [1, 3, 2, 4, 8, 10, 4, 6])
        // Means over pairs: 2 3 7 9 and 2 3 9 5.
        let expected = MapStatistics.correlation(
            Plane(height: 2, width: 2, values: [2, 3, 7, 9]),
            Plane(height: 2, width: 2, values: [2, 3, 9, 5]))
        #expect(abs(MapStatistics.correlationOnCommonGrid(tall, wide) - expected) < 1e-6)
        #expect(abs(MapStatistics.correlationOnCommonGrid(wide, tall) - expected) < 1e-6)
    }
}
