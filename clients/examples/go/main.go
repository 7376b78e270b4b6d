// Command soutu 用 Go 和搜图说话 · speaks to soutu 搜图 from Go: searches by words or by a picture.
//
//	go generate && go mod tidy     // protoc, protoc-gen-go, protoc-gen-go-grpc
//	export SOUTU_ADDRESS=nas.local:8401 SOUTU_AUTHORITY=ca.pem SOUTU_TOKEN=soutu_…
//	go run . search 雪地里的狗
//	go run . similar picture.jpg
//
// Without SOUTU_AUTHORITY nothing is encrypted: for a service on this machine alone, which asks for no token.
package main

//go:generate sh generate.sh

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	search "soutu.example/searchv1"
)

const messageBytes = 64 << 20

func main() {
	term, err := asked(os.Args[1:])
	if err == nil {
		err = find(term)
	}
	if err != nil {
		if told, ok := status.FromError(err); ok {
			err = fmt.Errorf("%s", told.Message()) // the service's own words, in one line
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func asked(words []string) (*search.Term, error) {
	switch {
	case len(words) > 1 && words[0] == "search":
		return &search.Term{Content: &search.Term_Text{Text: strings.Join(words[1:], " ")}}, nil
	case len(words) == 2 && words[0] == "similar":
		picture, err := os.ReadFile(words[1])
		return &search.Term{Content: &search.Term_Image{Image: picture}}, err
	}
	return nil, fmt.Errorf("usage: go run . search WORDS… | similar FILE")
}

func find(term *search.Term) error {
	connection, err := connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "accept-language", setting("SOUTU_LANGUAGE", "zh"))
	if token := os.Getenv("SOUTU_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	request := &search.SearchPhotosRequest{Terms: []*search.Term{term}, PageSize: 10}
	page, err := search.NewSearchServiceClient(connection).SearchPhotos(ctx, request)
	if err != nil {
		return err
	}
	for _, hit := range page.Hits {
		name := "" // there may be none that the token may see
		if len(hit.Photo.Names) > 0 {
			name = hit.Photo.Names[0].Name
		}
		fmt.Printf("%s\t%.3f\t%s\n", hit.Photo.PhotoId, hit.GetCosine(), name)
	}
	for _, notice := range page.Notices {
		fmt.Fprintln(os.Stderr, notice.Message)
	}
	return nil
}

func connect() (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes), grpc.MaxCallSendMsgSize(messageBytes)),
	}
	if authority := os.Getenv("SOUTU_AUTHORITY"); authority != "" {
		transport, err := credentials.NewClientTLSFromFile(authority, "")
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithTransportCredentials(transport))
	} else {
		options = append(options, grpc.WithInsecure())
	}
	return grpc.Dial(setting("SOUTU_ADDRESS", "127.0.0.1:8401"), options...)
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
