import Base
import Pipeline
import Rendering
import Testing

@Suite struct PanelSpecificationTests {
    @Test func readsWhatAPanelShows() throws {
        #expect(try PanelSpecification(parsing: "original") == .original)
        #expect(try PanelSpecification(parsing: "heatmap") == .view(.heatmap, model: nil))
        #expect(try PanelSpecification(parsing: "heads:dino_vitb8") == .view(.heads, model: "dino_vitb8"))
        #expect(
            try PanelSpecification(parsing: "mask:a.b:c.pth") == .view(.mask, model: "a.b:c.pth"))
        #expect(try PanelSpecification(parsing: "overlay:dino") == .view(.overlay, model: "dino"))
        #expect(
            try PanelSpecification(parsing: "video:/clips/a:b.mp4") == .video(path: "/clips/a:b.mp4"))
    }

    @Test(arguments: ["", "heat", "original:dino", "video", "video:", "heatmap:", ":dino", "Heatmap"])
    func refusesWhatIsNoPanel(text: String) {
        #expect { try PanelSpecification(parsing: text) } throws: { error in
            (error as? VitvideoError)?.kind == .usage
        }
    }

    @Test func aComparisonEndsWithTheMainModel() throws {
        let panels = try PanelSpecification.comparison(of: ["supervised"], view: .heatmap) { $0 == "dino" }
        #expect(panels == [.original, .view(.heatmap, model: "supervised"), .view(.heatmap, model: nil)])
    }

    @Test func aComparisonNamesNoModelTwice() throws {
        let panels = try PanelSpecification.comparison(of: ["dino", "video:a.mp4", "b"], view: .mask) {
            $0 == "dino"
        }
        #expect(
            panels == [
                .original, .view(.mask, model: "dino"), .video(path: "a.mp4"), .view(.mask, model: "b"),
            ])
    }

    @Test(arguments: [[""], ["a", ""], ["", "a"], ["a", "", "b"], ["video:"]])
    func refusesIncompleteLists(names: [String]) {
        #expect {
            try PanelSpecification.comparison(of: names, view: .heatmap) { _ in false }
        } throws: { error in
            (error as? VitvideoError)?.kind == .usage
        }
    }
}
