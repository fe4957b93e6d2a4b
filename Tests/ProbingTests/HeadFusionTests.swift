import Pixels
import Probing
import Testing

@Suite struct HeadFusionTests {
    static let heads = [
        Plane(height: 2, width: 2, values: [0.1, 0.5, 0.3, 0]),
        Plane(height: 2, width: 2, values: [0.3, 0.1, 0.3, 0]),
        Plane(height: 2, width: 2, values: [0.2, 0.3, 0.9, 0.6]),
    ]

    @Test(arguments: [
        (HeadFusion.mean, [0.2, 0.3, 0.5, 0.2]), (.min, [0.1, 0.1, 0.3, 0]), (.max, [0.3, 0.5, 0.9, 0.6]),
    ])
    func eachCellIsFusedByItself(fusion: HeadFusion, expected: [Float]) {
        let fused = fusion.fuse(Self.heads)
        #expect(fused.height == 2 && fused.width == 2)
        #expect(zip(fused.values, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(fused.values)")
    }

    @Test(arguments: HeadFusion.allCases) func oneHeadStaysAsItIs(fusion: HeadFusion) {
        #expect(fusion.fuse([Self.heads[1]]) == Self.heads[1])
    }

    /// The order of the heads changes nothing but the rounding of the mean.
    @Test(arguments: HeadFusion.allCases) func theOrderOfTheHeadsDoesNotMatter(fusion: HeadFusion) {
        let forwards = fusion.fuse(Self.heads).values
        let backwards = fusion.fuse(Self.heads.reversed()).values
        #expect(zip(forwards, backwards).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func namesAreThoseOfTheCommandLine() {
        #expect(HeadFusion.allCases.map(\.rawValue) == ["mean", "min", "max"])
    }
}
